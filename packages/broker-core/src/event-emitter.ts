import { channel } from 'node:diagnostics_channel';
import type { Logger } from '@batonmq/runtime';
import type { BrokerEvent, BrokerEventType } from './events.ts';

type Listener = (event: BrokerEvent) => void;

/** Hands events to listeners and to `node:diagnostics_channel` as `batonmq:broker:<type>`. */
export class EventEmitter {
  readonly #logger: Logger;
  readonly #listeners = new Map<BrokerEventType, Set<Listener>>();

  constructor(logger: Logger) {
    this.#logger = logger;
  }

  on<T extends BrokerEventType>(
    type: T,
    listener: (event: Extract<BrokerEvent, { type: T }>) => void,
  ): () => void {
    const listeners = this.#listeners.get(type) ?? new Set();
    this.#listeners.set(type, listeners);
    const added = listener as Listener;
    listeners.add(added);
    return () => {
      listeners.delete(added);
    };
  }

  emit(event: BrokerEvent): void {
    channel(`batonmq:broker:${event.type}`).publish(event);
    for (const listener of this.#listeners.get(event.type) ?? []) {
      try {
        listener(event);
      } catch (error) {
        // A watcher's mistake must not reach what it watches.
        this.#logger.log('error', 'a listener threw', { event: event.type, error });
      }
    }
  }
}
