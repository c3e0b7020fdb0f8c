import type { Extent } from '../../write/payload-block.ts';
import type { PortableWrite } from '../../write/portable-write.ts';
import type { Outcome, Statement } from '../session.ts';
import type { SqliteCode } from './sqlite-error.ts';

/** What the thread of a session works on. */
export interface ThreadData {
  readonly file: string;
}

/** What a session asks its thread; each is answered, in order. An {@link Answer} without request says that it is open. */
export type Request =
  | { readonly type: 'run'; readonly statement: Statement }
  | { readonly type: 'write'; readonly write: EncodedWrite }
  | { readonly type: 'take-lock'; readonly waitMs: number }
  | { readonly type: 'give-lock-back' };

export type Answer =
  | { readonly type: 'opened' }
  | { readonly type: 'ran'; readonly outcome: Outcome }
  | { readonly type: 'written'; readonly isDone: boolean }
  | { readonly type: 'lock'; readonly isHeld: boolean }
  | { readonly type: 'failed'; readonly code: SqliteCode; readonly reason: string };

/** A change on its way to the thread: rows in one array without nesting, bytes in one block. */
export interface EncodedWrite {
  readonly fence: EncodedStep;
  readonly removedCounts: EncodedStep | undefined;
  readonly removedPlaces: EncodedStep | undefined;
  readonly steps: readonly EncodedStep[];
  readonly closing: Pick<PortableWrite, 'growths' | 'removesDestinations' | 'tables'>;
  readonly block: ArrayBuffer;
}

/** One statement, run for each row of as many cells as it has placeholders. */
export interface EncodedStep {
  readonly sql: string;
  readonly width: number;
  readonly cells: readonly Cell[];
}

/** Bytes are a part of the block. */
export type Cell = number | string | null | Extent;
