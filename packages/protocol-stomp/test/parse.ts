import { isBrokerError } from '@batonmq/model';
import { expect } from 'vitest';
import { FrameParser } from '../src/codec/frame-parser.ts';
import { RULES, RULES_BEFORE_LOGIN, type StompVersion } from '../src/codec/version.ts';
import { STOMP_DEFAULTS, type StompSettings } from '../src/options.ts';

/** What a parser made of some bytes: frames, and the code it gave up with. */
export interface Outcome {
  readonly frames: readonly unknown[];
  readonly failure: string | undefined;
  /** The most memory it held of a frame that was not whole. */
  readonly heldBytesMax: number;
}

/** Any error but the broker's own is thrown on. */
export function parse(
  chunks: readonly Buffer[],
  version: StompVersion | undefined,
  limits: Partial<StompSettings> = {},
): Outcome {
  const settings = { ...STOMP_DEFAULTS, ...limits };
  const parser = new FrameParser(settings);
  parser.agree(version === undefined ? RULES_BEFORE_LOGIN : RULES[version], settings);
  const frames: unknown[] = [];
  let failure: string | undefined;
  let heldBytesMax = 0;
  try {
    for (const chunk of chunks) {
      // A chunk is never written to by others, as with a socket.
      parser.push(Buffer.from(chunk));
      for (let frame = parser.next(); frame !== undefined; frame = parser.next()) {
        const headers = Array.from({ length: frame.headerCount }, (_, index) => [
          frame.nameAt(index),
          frame.valueAt(index),
        ]);
        const body = frame.bytes.subarray(
          frame.start + frame.bodyStart,
          frame.start + frame.bodyEnd,
        );
        frames.push({ command: frame.command, headers, body: body.toString('hex') });
      }
      heldBytesMax = Math.max(heldBytesMax, parser.frame.bytes.length);
    }
  } catch (error) {
    if (!isBrokerError(error)) throw error;
    failure = error.code;
  }
  return { frames, failure, heldBytesMax };
}

/** However the bytes came, they mean the same. */
export function sameOutcome(one: Outcome, other: Outcome): void {
  expect([one.frames, one.failure]).toEqual([other.frames, other.failure]);
}

/** The bytes in pieces, cut at those places. */
export function cut(bytes: Buffer, places: readonly number[]): Buffer[] {
  const ends = [...new Set(places.map((place) => place % (bytes.length + 1)))].sort(
    (a, b) => a - b,
  );
  let start = 0;
  const chunks: Buffer[] = [];
  for (const end of [...ends, bytes.length]) {
    chunks.push(bytes.subarray(start, end));
    start = end;
  }
  return chunks;
}
