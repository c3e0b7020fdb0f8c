import { isBrokerError, type Destination, type Message, type MessageId } from '@batonmq/model';
import type { HiddenDestination } from '../destination/hidden-destination.ts';
import type { Router } from '../destination/router.ts';
import { decodeKeptMessage } from '../message/kept-message.ts';
import type { TermParts } from '../term-parts.ts';
import type { Job } from './job.ts';
import { withJobId } from './schedule-properties.ts';

/** Messages that are read at a time. */
const PAGE_MESSAGES = 64;

/** The JMS type of what the broker says by itself. */
const BROKER_TYPE = 'Advisory';

/** Shows scheduled messages to who asks: one message each, to the destination that was named. */
export class ScheduleBrowser {
  readonly #parts: TermParts;
  readonly #router: Router;
  readonly #messages: HiddenDestination;
  readonly #nextId: () => MessageId;

  constructor(
    parts: TermParts,
    router: Router,
    messages: HiddenDestination,
    nextId: () => MessageId,
  ) {
    this.#parts = parts;
    this.#router = router;
    this.#messages = messages;
    this.#nextId = nextId;
  }

  /** Shows `browseMessagesMax` at most, and stops where the destination is full or gone. */
  show(jobs: readonly Job[], replyTo: Destination): void {
    this.#show(jobs.slice(0, this.#parts.settings.browseMessagesMax), replyTo).catch(
      (error: unknown) => {
        if (!isBrokerError(error)) throw error;
        if (this.#parts.isOver) return;
        this.#parts.logger.log('warn', 'cannot show all scheduled messages', {
          destination: replyTo.key,
          error,
        });
      },
    );
  }

  async #show(jobs: readonly Job[], replyTo: Destination): Promise<void> {
    for (let at = 0; at < jobs.length; at += PAGE_MESSAGES) {
      const page = jobs.slice(at, at + PAGE_MESSAGES);
      const read = await Promise.all(
        page.map(({ sequence }) =>
          this.#messages.read(sequence, { messageCountMax: 1, bytesMax: 1 }),
        ),
      );
      for (const [index, job] of page.entries()) {
        const stored = read[index]?.[0];
        if (this.#parts.isOver || this.#parts.isDraining) return;
        // A job that ended meanwhile has no message any more.
        if (stored?.sequence !== job.sequence) continue;
        if (!this.#send(replyOf(job, decodeKeptMessage(stored.payload), replyTo, this.#nextId()))) {
          return;
        }
      }
    }
  }

  /** False if there is no room for it. */
  #send(reply: Message): boolean {
    if (this.#router.obstacle(reply) !== undefined) return false;
    this.#router.send(reply, { mark: undefined }, undefined, { settled: () => undefined });
    return true;
  }
}

function replyOf(job: Job, message: Message, destination: Destination, id: MessageId): Message {
  return {
    ...message,
    id,
    producerId: id.producerId,
    destination,
    originalDestination: message.destination,
    originalTransactionId: undefined,
    isPersistent: false,
    type: BROKER_TYPE,
    // It tells of the message; that may be dead before it is due.
    expiration: 0,
    properties: withJobId(message, job.id),
  };
}
