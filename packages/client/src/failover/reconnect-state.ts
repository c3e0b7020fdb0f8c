/** What the reconnect policy knows, is told and asks for. */

type ReconnectPhase =
  'idle' | 'dialling' | 'restoring' | 'connected' | 'waiting' | 'failed' | 'closed';

/** Number of one dial; see invariant 2. */
export type Generation = number;

export interface Candidate {
  readonly uri: string;
  /** Why it was dialled: for the pass, as a spare, or to move a working connection to it. */
  readonly purpose: 'pass' | 'spare' | 'switch';
  readonly stage: 'dialling' | 'ready' | 'restoring' | 'current';
}

export interface ReconnectState {
  readonly phase: ReconnectPhase;
  readonly hasConnected: boolean;
  /** The user's URIs; the seed of everything, never changed. */
  readonly ownUris: readonly string[];
  /** URIs learned from brokers, files and agents. */
  readonly learnedUris: readonly string[];
  readonly candidates: ReadonlyMap<Generation, Candidate>;
  readonly nextGeneration: Generation;
  /** URIs of this pass that are still to be dialled. */
  readonly untried: readonly string[];
  /** Passes that failed since the last connection. */
  readonly failedPasses: number;
  /** Wait before the next pass, before jitter. */
  readonly delayMs: number;
  /** The same for spares and switches. */
  readonly tendDelayMs: number;
  readonly disconnectedAt: number;
  /** The endpoint used or tried last; it goes to the end of the list. */
  readonly lastUri: string | undefined;
  /** Where a broker's redirect or a rebalance wants the connection. */
  readonly target: string | undefined;
  readonly lastError: Error | undefined;
  /** Timers and reads that were asked for; an answer with another token is stale. */
  readonly tokens: Readonly<Record<TimerName | 'members', number>>;
  readonly nextToken: number;
  /** State of the generator for shuffling and jitter. */
  readonly seed: number;
}

export type TimerName = 'pass' | 'overlap' | 'tend';

/** What happened; `now` is monotonic milliseconds. */
export type ReconnectEvent = { readonly now: number } & (
  | { readonly type: 'start' }
  /** The connection is open and both wire formats are known. */
  | { readonly type: 'ready'; readonly generation: Generation }
  /** Log-in and replay succeeded. */
  | { readonly type: 'restored'; readonly generation: Generation }
  /** A dial failed or a connection ended. */
  | { readonly type: 'lost'; readonly generation: Generation; readonly error: Error }
  /** The broker answered the log-in with a refusal that trying again will not change. */
  | { readonly type: 'refused'; readonly generation: Generation; readonly error: Error }
  | { readonly type: 'timer'; readonly timer: TimerName; readonly token: number }
  /** The answer to `read-members`; `undefined` if it could not be read. */
  | {
      readonly type: 'members-read';
      readonly token: number;
      readonly uris: readonly string[] | undefined;
    }
  /** A broker or an agent told who the members are. */
  | {
      readonly type: 'members';
      readonly uris: readonly string[];
      readonly isRebalance: boolean;
      readonly source: 'broker' | 'agent';
    }
  | { readonly type: 'redirect'; readonly uri: string }
  | { readonly type: 'close' }
);

/** What is to be told to the owner of the connection. */
export type ReconnectNews =
  | {
      readonly type: 'connecting';
      readonly attempts: number;
      readonly sinceMs: number;
      readonly delayMs: number;
      readonly error: Error | undefined;
    }
  | { readonly type: 'connected'; readonly uri: string; readonly isFirst: boolean }
  | { readonly type: 'interrupted'; readonly uri: string; readonly error: Error | undefined }
  | { readonly type: 'failed'; readonly attempts: number; readonly error: Error | undefined };

export type ReconnectEffect =
  | { readonly type: 'dial'; readonly generation: Generation; readonly uri: string }
  /** Close it; in order (flushing, saying good-bye) if it works, at once otherwise. */
  | { readonly type: 'drop'; readonly generation: Generation; readonly isOrderly: boolean }
  | { readonly type: 'restore'; readonly generation: Generation }
  | {
      readonly type: 'wait';
      readonly timer: TimerName;
      readonly token: number;
      readonly delayMs: number;
    }
  | { readonly type: 'read-members'; readonly token: number }
  | { readonly type: 'warn'; readonly attempts: number; readonly error: Error | undefined }
  | { readonly type: 'tell'; readonly news: ReconnectNews };

export interface ReconnectStep {
  readonly state: ReconnectState;
  readonly effects: readonly ReconnectEffect[];
}
