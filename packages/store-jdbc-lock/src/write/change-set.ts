import type { DestinationNumber, Sequence } from '@batonmq/model';
import type { WriteBatch, WriteRecord } from '@batonmq/store-spi';

/** A message at one place, as it will be after the change. */
export interface AddedMessage {
  readonly destination: DestinationNumber;
  readonly sequence: Sequence;
  readonly body: AddedBody;
  redeliveryCount: number;
}

/** A payload, and how many places show it. Of several places: it is stored once, under its number. */
export interface AddedBody {
  /** Given to this body alone, now and later. */
  readonly number: number;
  readonly pieces: readonly Uint8Array[];
  readonly byteCount: number;
  placeCount: number;
}

/** A place in the database. */
export interface Place {
  readonly destination: DestinationNumber;
  readonly sequence: Sequence;
}

export interface StateKey {
  readonly space: string;
  readonly key: string;
}

/**
 * What several batches together do to the database: their net effect, in which nothing is said twice. One
 * transaction applies it, so the order within it is free, and it is always this one: destinations
 * removed, destinations added, messages removed, messages added, the rest.
 */
export class ChangeSet {
  #nextBody: number;
  readonly #removedDestinations = new Set<DestinationNumber>();
  readonly #addedDestinations = new Map<DestinationNumber, string>();
  readonly #added = new Map<DestinationNumber, Map<Sequence, AddedMessage>>();
  readonly #removed = new Map<DestinationNumber, Set<Sequence>>();
  readonly #redeliveries = new Map<DestinationNumber, Map<Sequence, number>>();
  readonly #nextSequences = new Map<DestinationNumber, number>();
  readonly #producers = new Map<string, number | undefined>();
  readonly #states = new Map<string, StateKey & { readonly value: Uint8Array | undefined }>();
  /** Put together when they are asked for, until there is more. */
  #addedMessages: readonly AddedMessage[] | undefined;
  #removedMessages: readonly Place[] | undefined;

  /** @param nextBody - above the number of every body that is stored or was in an earlier set */
  constructor(nextBody: number) {
    this.#nextBody = nextBody;
  }

  add(batch: WriteBatch): void {
    this.#addedMessages = undefined;
    this.#removedMessages = undefined;
    for (const record of batch) this.#add(record);
  }

  /** Above the numbers of this set. */
  get nextBody(): number {
    return this.#nextBody;
  }

  get removedDestinations(): readonly DestinationNumber[] {
    return [...this.#removedDestinations];
  }

  get addedDestinations(): readonly (readonly [DestinationNumber, string])[] {
    return [...this.#addedDestinations];
  }

  get addedMessages(): readonly AddedMessage[] {
    this.#addedMessages ??= [...this.#added.values()].flatMap((messages) => [...messages.values()]);
    return this.#addedMessages;
  }

  get removedMessages(): readonly Place[] {
    this.#removedMessages ??= [...this.#removed].flatMap(([destination, sequences]) =>
      Array.from(sequences, (sequence) => ({ destination, sequence })),
    );
    return this.#removedMessages;
  }

  /** By destination; what came and went within the set is in no count. */
  get removedCounts(): readonly (readonly [DestinationNumber, number])[] {
    return [...this.#removed].map(([destination, sequences]) => [destination, sequences.size]);
  }

  get redeliveries(): readonly (Place & { readonly count: number })[] {
    return [...this.#redeliveries].flatMap(([destination, counts]) =>
      [...counts].map(([sequence, count]) => ({ destination, sequence, count })),
    );
  }

  /** Also of destinations whose messages came and went within the set. */
  get nextSequences(): readonly (readonly [DestinationNumber, number])[] {
    return [...this.#nextSequences];
  }

  /** Without a sequence: the mark is dropped. */
  get producers(): readonly (readonly [string, number | undefined])[] {
    return [...this.#producers];
  }

  /** Without a value: it is removed. */
  get states(): readonly (StateKey & { readonly value: Uint8Array | undefined })[] {
    return [...this.#states.values()];
  }

  #add(record: WriteRecord): void {
    switch (record.type) {
      case 'destination-added':
        this.#addedDestinations.set(record.destination, record.key);
        break;
      case 'destination-removed':
        this.#removeDestination(record.destination);
        break;
      case 'message-added':
        this.#addMessage(record);
        break;
      case 'message-removed':
        this.#removeMessage(record);
        break;
      case 'redelivery-counted':
        this.#countRedelivery(record);
        break;
      case 'producer-marked':
        this.#producers.set(record.producer, record.sequence);
        break;
      case 'producer-forgotten':
        this.#producers.set(record.producer, undefined);
        break;
      case 'state-put':
        this.#setState(record, record.value);
        break;
      case 'state-removed':
        this.#setState(record, undefined);
        break;
    }
  }

  /** Whatever was said of it before is void; what comes after is of another one with its number. */
  #removeDestination(destination: DestinationNumber): void {
    for (const { body } of this.#added.get(destination)?.values() ?? []) body.placeCount -= 1;
    this.#added.delete(destination);
    this.#removed.delete(destination);
    this.#redeliveries.delete(destination);
    this.#nextSequences.delete(destination);
    this.#addedDestinations.delete(destination);
    this.#removedDestinations.add(destination);
  }

  #addMessage({ targets, payload }: Extract<WriteRecord, { type: 'message-added' }>): void {
    let byteCount = 0;
    for (const piece of payload) byteCount += piece.length;
    const body = {
      number: this.#nextBody,
      pieces: payload,
      byteCount,
      placeCount: targets.length,
    };
    this.#nextBody += 1;
    for (const { destination, sequence } of targets) {
      mapIn(this.#added, destination).set(sequence, {
        destination,
        sequence,
        body,
        redeliveryCount: 0,
      });
      this.#nextSequences.set(destination, sequence + 1);
    }
  }

  #removeMessage({ destination, sequence }: Place): void {
    const added = this.#added.get(destination)?.get(sequence);
    if (added === undefined) {
      const sequences = this.#removed.get(destination) ?? new Set();
      this.#removed.set(destination, sequences.add(sequence));
      this.#redeliveries.get(destination)?.delete(sequence);
      return;
    }
    added.body.placeCount -= 1;
    this.#added.get(destination)?.delete(sequence);
  }

  #countRedelivery({ destination, sequence, count }: Place & { readonly count: number }): void {
    const added = this.#added.get(destination)?.get(sequence);
    if (added !== undefined) added.redeliveryCount = count;
    else if (this.#removed.get(destination)?.has(sequence) !== true) {
      mapIn(this.#redeliveries, destination).set(sequence, count);
    }
  }

  #setState({ space, key }: StateKey, value: Uint8Array | undefined): void {
    this.#states.set(JSON.stringify([space, key]), { space, key, value });
  }
}

function mapIn<K, L, V>(maps: Map<K, Map<L, V>>, key: K): Map<L, V> {
  const found = maps.get(key);
  if (found !== undefined) return found;
  const made = new Map<L, V>();
  maps.set(key, made);
  return made;
}
