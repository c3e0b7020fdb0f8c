import { channel } from 'node:diagnostics_channel';

/**
 * What a connection tells. Listeners must not block; what they throw is dropped. Each event is also
 * published on the diagnostics channel `batonmq:client:<type>`.
 */
export type ConnectionEvent =
  /** A pass over the brokers failed; the next one begins after `delayMs`. */
  | {
      readonly type: 'connecting';
      /** Failed passes so far. */
      readonly attempts: number;
      /** Milliseconds without a connection. */
      readonly sinceMs: number;
      readonly delayMs: number;
      readonly error: Error | undefined;
    }
  /** The first connection works. */
  | { readonly type: 'connected'; readonly uri: string; readonly brokerName: string }
  /** The connection was lost, or is being moved to another broker (without an `error`). */
  | { readonly type: 'interrupted'; readonly uri: string; readonly error: Error | undefined }
  /** A connection works again and everything of this client is back in place. */
  | { readonly type: 'resumed'; readonly uri: string; readonly brokerName: string }
  /** The limit of attempts was reached: every call rejects from now on. */
  | { readonly type: 'failed'; readonly error: Error }
  /** A failure that belongs to no call: a listener threw, a broker reported an error by itself. */
  | { readonly type: 'error'; readonly error: Error }
  | { readonly type: 'closed' };

export type ConnectionEventType = ConnectionEvent['type'];

type Listener<T extends ConnectionEventType> = (
  event: Extract<ConnectionEvent, { type: T }>,
) => void;

/** Tells events to listeners. */
export class ConnectionEvents {
  readonly #listeners = new Map<ConnectionEventType, Set<(event: ConnectionEvent) => void>>();

  /** Calls `listener` for each event of the type until the returned function is called. */
  on<T extends ConnectionEventType>(type: T, listener: Listener<T>): () => void {
    const listeners = this.#listeners.get(type) ?? new Set();
    this.#listeners.set(type, listeners);
    const call = listener as (event: ConnectionEvent) => void;
    listeners.add(call);
    return () => {
      listeners.delete(call);
    };
  }

  emit(event: ConnectionEvent): void {
    const published = channel(`batonmq:client:${event.type}`);
    if (published.hasSubscribers) published.publish(event);
    for (const listener of [...(this.#listeners.get(event.type) ?? [])]) {
      try {
        listener(event);
      } catch {
        // A watcher's failure must not change what it watches.
      }
    }
  }
}
