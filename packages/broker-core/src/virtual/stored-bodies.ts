import { isQueue, type Destination, type Message } from '@batonmq/model';
import type { MessageTarget } from '@batonmq/store-spi';
import { encodeMessage, payloadBytes } from '../message/stored-message.ts';
import type { WriteQueue } from '../write-queue.ts';
import type { Entry } from '../dispatch/entry.ts';

/** What is stored once, and where it shows. */
interface StoredBody {
  readonly message: Message;
  /** The topic it was sent to, if a place of it holds the messages of several. */
  sentTo: Destination | undefined;
  readonly targets: MessageTarget[];
  /** In queues, of those targets. */
  readonly entries: Entry[];
}

/** The bodies that one send stores: one for all places that see the same message. */
export class StoredBodies {
  readonly #all: StoredBody[] = [];

  add(entry: Entry): void {
    const { lane, message, sequence } = entry;
    this.addAt({ destination: lane.ensureStored(), sequence }, message).entries.push(entry);
  }

  addAt(target: MessageTarget, message: Message): StoredBody {
    // The queue a body is read from is not part of it; where it came from is.
    const sentTo = isQueue(message.destination) ? undefined : message.destination;
    const body = this.#bodyOf(message, sentTo);
    body.targets.push(target);
    return body;
  }

  /** Adds their records to the open write group. True if there are any. */
  write(writes: WriteQueue): boolean {
    for (const { message, sentTo, targets, entries } of this.#all) {
      const payload = encodeMessage(message, sentTo);
      const bytes = payloadBytes(payload);
      for (const entry of entries) entry.queue.room.encoded(entry, bytes);
      writes.add({ type: 'message-added', targets, payload }, bytes);
    }
    return this.#all.length > 0;
  }

  #bodyOf(message: Message, sentTo: Destination | undefined): StoredBody {
    const origin = message.originalDestination?.key;
    for (const body of this.#all) {
      if (body.message.originalDestination?.key !== origin) continue;
      if (body.message.properties !== message.properties) continue;
      if (sentTo !== undefined && body.sentTo !== undefined && body.sentTo.key !== sentTo.key) {
        continue;
      }
      body.sentTo ??= sentTo;
      return body;
    }
    const made: StoredBody = { message, sentTo, targets: [], entries: [] };
    this.#all.push(made);
    return made;
  }
}
