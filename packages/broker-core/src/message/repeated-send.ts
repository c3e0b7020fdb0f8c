import { isBrokerError, type BrokerError, type Message } from '@batonmq/model';
import type { Receipt } from '../connection/connection.ts';
import type { Router } from '../destination/router.ts';
import type { ProducerMark } from './producer-marks.ts';

/**
 * Whether a message of a client that came back is one that the broker has, or is about to have.
 *
 * Only what its own producer sent is: what a bridge forwards for others carries their numbers, in no
 * order. And of what an earlier broker took, only what went into its store is still there: a message for a
 * temporary destination, or for a topic without durable subscriptions, has to be delivered again.
 */
export function isRepeated(message: Message, mark: ProducerMark, router: Router): boolean {
  const { producerSequence } = message.id;
  if (!message.isPersistent || !mark.isOf(message) || !mark.isPending(producerSequence))
    return false;
  return !mark.isInherited(producerSequence) || isStoring(router, message);
}

/** One that has nowhere to go is not; sending it tells why. */
function isStoring(router: Router, message: Message): boolean {
  try {
    return router.isStoring(message);
  } catch (error) {
    if (!isBrokerError(error)) throw error;
    return false;
  }
}

/**
 * The receipt of a send that was sent before and may still be on its way: it succeeds only if the
 * first copy did. Completions are settled in order, so by its turn that is known.
 */
export class RepeatedSend implements Receipt {
  readonly #mark: ProducerMark;
  readonly #sequence: number;
  readonly #receipt: Receipt;
  readonly #refusal: () => BrokerError;

  constructor(mark: ProducerMark, sequence: number, receipt: Receipt, refusal: () => BrokerError) {
    this.#mark = mark;
    this.#sequence = sequence;
    this.#receipt = receipt;
    this.#refusal = refusal;
  }

  settled(error?: BrokerError): void {
    const isStored = this.#mark.isStored(this.#sequence);
    this.#receipt.settled(error ?? (isStored ? undefined : this.#refusal()));
  }
}
