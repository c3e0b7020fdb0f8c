import type { ReceivedMessage } from '../message/received-message.ts';

/** What a loop uses of its consumer. */
export interface LoopSource {
  /** The next message; rejects when the consumer ends. */
  next(signal: AbortSignal | undefined): Promise<ReceivedMessage | undefined>;
  /** The loop is done with a message. */
  finish(message: ReceivedMessage): void;
  /** The loop was left with a message unfinished. */
  giveBack(message: ReceivedMessage): void;
  /** Why the consumer ended, if not because it was closed. */
  failure(): Error | undefined;
}

const DONE = { value: undefined, done: true } as const;

/** `for await` over a consumer: a message is finished when the loop comes back for the next one. */
export class MessageLoop implements AsyncIterableIterator<ReceivedMessage, undefined> {
  readonly #source: LoopSource;
  readonly #signal: AbortSignal | undefined;
  #inHand: ReceivedMessage | undefined;

  constructor(source: LoopSource, signal: AbortSignal | undefined) {
    this.#source = source;
    this.#signal = signal;
  }

  async next(): Promise<IteratorResult<ReceivedMessage, undefined>> {
    const finished = this.#inHand;
    this.#inHand = undefined;
    if (finished !== undefined) this.#source.finish(finished);
    if (this.#isAborted()) return DONE;
    try {
      this.#inHand = await this.#source.next(this.#signal);
    } catch (thrown) {
      // Closed by the application, or ended by its signal: the loop is over. Else it failed.
      if (this.#source.failure() !== undefined && !this.#isAborted()) throw thrown;
    }
    return this.#inHand === undefined ? DONE : { value: this.#inHand, done: false };
  }

  return(): Promise<IteratorResult<ReceivedMessage, undefined>> {
    const unfinished = this.#inHand;
    this.#inHand = undefined;
    if (unfinished !== undefined) this.#source.giveBack(unfinished);
    return Promise.resolve(DONE);
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  #isAborted(): boolean {
    return this.#signal?.aborted === true;
  }
}
