import type { Entry } from '../dispatch/entry.ts';
import type { MessageReference } from './subscription.ts';

/**
 * The messages a consumer has, in dispatch order. Linked through the entries themselves, so adding
 * and removing anywhere costs the same. A search goes on where the last one ended: consumers ack in
 * order, if not always from the head.
 */
export class DispatchedList {
  #first: Entry | undefined;
  #last: Entry | undefined;
  #searched: Entry | undefined;

  get first(): Entry | undefined {
    return this.#first;
  }

  append(entry: Entry): void {
    entry.previous = this.#last;
    entry.next = undefined;
    if (this.#last === undefined) this.#first = entry;
    else this.#last.next = entry;
    this.#last = entry;
  }

  remove(entry: Entry): void {
    if (this.#searched === entry) this.#searched = entry.next;
    if (entry.previous === undefined) this.#first = entry.next;
    else entry.previous.next = entry.next;
    if (entry.next === undefined) this.#last = entry.previous;
    else entry.next.previous = entry.previous;
    entry.previous = undefined;
    entry.next = undefined;
  }

  /** The first one with that id that no open transaction has acked. */
  find(reference: MessageReference): Entry | undefined {
    const start = this.#searched ?? this.#first;
    const found = search(reference, start, undefined) ?? search(reference, this.#first, start);
    if (found !== undefined) this.#searched = found;
    return found;
  }

  *[Symbol.iterator](): Generator<Entry, undefined> {
    let entry = this.#first;
    while (entry !== undefined) {
      // Read ahead: the caller may remove the entry it gets.
      const { next } = entry;
      yield entry;
      entry = next;
    }
    return undefined;
  }
}

export function isNamed(entry: Entry, reference: MessageReference): boolean {
  const { id } = entry.message;
  return (
    id.producerSequence === reference.producerSequence &&
    id.producerId.key === reference.producerKey
  );
}

function search(
  reference: MessageReference,
  from: Entry | undefined,
  end: Entry | undefined,
): Entry | undefined {
  for (let entry = from; entry !== undefined && entry !== end; entry = entry.next) {
    if (entry.transaction === undefined && isNamed(entry, reference)) return entry;
  }
  return undefined;
}
