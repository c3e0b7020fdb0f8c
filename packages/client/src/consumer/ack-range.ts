import type { ReceivedMessage } from '../message/received-message.ts';

export interface TakenRange {
  readonly first: ReceivedMessage;
  readonly last: ReceivedMessage;
  readonly count: number;
}

/** Messages that follow each other in dispatch order and are acked together. */
export class AckRange {
  #first: ReceivedMessage | undefined;
  #last: ReceivedMessage | undefined;
  #count = 0;

  constructor(only?: ReceivedMessage) {
    if (only !== undefined) this.add(only);
  }

  static over(messages: readonly ReceivedMessage[]): TakenRange | undefined {
    const range = new AckRange();
    for (const message of messages) range.add(message);
    return range.take();
  }

  get count(): number {
    return this.#count;
  }

  add(message: ReceivedMessage): void {
    this.#first ??= message;
    this.#last = message;
    this.#count++;
  }

  /** The range so far, or `undefined` if it is empty; it is empty afterwards. */
  take(): TakenRange | undefined {
    const [first, last, count] = [this.#first, this.#last, this.#count];
    this.#first = undefined;
    this.#last = undefined;
    this.#count = 0;
    return first === undefined || last === undefined ? undefined : { first, last, count };
  }
}
