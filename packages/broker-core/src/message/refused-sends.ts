import { BrokerError } from '@batonmq/model';

/**
 * Refused sends remembered for one producer. Beyond it none up to the oldest counts as stored: one that is
 * repeated may then be stored twice, but none is lost.
 */
const COUNT_MAX = 256;

/**
 * The sends of one producer that were refused although later ones may be stored. Its mark stands for all
 * up to a number, so it would stand for these too, and a client that did not hear of the refusal and
 * repeats them would be told that they are stored.
 */
export class RefusedSends {
  readonly #sequences = new Set<number>();
  /** Up to here it is not known any more which were refused. */
  #unknown = 0;
  #isStored = true;

  get isEmpty(): boolean {
    return this.#sequences.size === 0 && this.#unknown === 0;
  }

  /** False if the store does not know of all that changed. */
  get isStored(): boolean {
    return this.#isStored;
  }

  has(sequence: number): boolean {
    return sequence <= this.#unknown || this.#sequences.has(sequence);
  }

  add(sequence: number): void {
    this.#isStored = false;
    this.#sequences.add(sequence);
    if (this.#sequences.size <= COUNT_MAX) return;
    for (const oldest of this.#sequences) {
      this.#sequences.delete(oldest);
      this.#unknown = Math.max(this.#unknown, oldest);
      return;
    }
  }

  /** It was repeated, and taken. */
  delete(sequence: number): void {
    if (this.#sequences.delete(sequence)) this.#isStored = false;
  }

  /** For the store: the JSON of the number up to which none is known, and of those after it. */
  encode(): Uint8Array {
    this.#isStored = true;
    return Buffer.from(JSON.stringify([this.#unknown, ...this.#sequences]));
  }

  /** What {@link encode} gave did not get into the store. */
  notStored(): void {
    if (!this.isEmpty) this.#isStored = false;
  }

  /** @throws BrokerError `BATON_CORRUPT`. */
  recovered(producer: string, value: Uint8Array): void {
    const [unknown = 0, ...sequences] = decode(producer, value);
    this.#unknown = unknown;
    for (const sequence of sequences) this.#sequences.add(sequence);
  }
}

function decode(producer: string, value: Uint8Array): readonly number[] {
  try {
    const numbers: unknown = JSON.parse(Buffer.from(value).toString());
    if (Array.isArray(numbers) && numbers.every((each) => Number.isSafeInteger(each))) {
      return numbers as readonly number[];
    }
  } catch {
    // Told below, as anything else that is no list of numbers.
  }
  throw new BrokerError(
    'BATON_CORRUPT',
    `What is stored about the refused sends of producer ${producer} is no list of numbers`,
    { details: { producer } },
  );
}
