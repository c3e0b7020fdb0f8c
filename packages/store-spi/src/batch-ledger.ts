import { assert, type DestinationNumber, type Sequence } from '@batonmq/model';
import type { RecoveredDestination } from './store.ts';
import type { WriteBatch } from './write-batch.ts';

interface KnownDestination {
  readonly key: string;
  nextSequence: number;
}

/**
 * Holds the writer to the rules of a {@link WriteBatch}. They concern what earlier batches did, so
 * the ledger remembers each destination's key and next sequence, and nothing per message.
 */
export class BatchLedger {
  readonly #destinations = new Map<DestinationNumber, KnownDestination>();
  readonly #keys = new Set<string>();

  /** Takes over a destination that is there already; false if its number or key is taken. */
  recover({ destination, key, nextSequence }: RecoveredDestination): boolean {
    if (this.#destinations.has(destination) || this.#keys.has(key)) return false;
    this.#destinations.set(destination, { key, nextSequence });
    this.#keys.add(key);
    return true;
  }

  /** One past every sequence given out; 1 for a destination that does not exist. */
  nextSequence(destination: DestinationNumber): number {
    return this.#destinations.get(destination)?.nextSequence ?? 1;
  }

  /** One switch per record and one look-up per target: about 65 ns a message (`bench/open-store.bench.ts`). */
  admit(batch: WriteBatch): void {
    assert(batch.length > 0, 'a batch holds at least one record');
    let changesDestinations = false;
    let addsMessages = false;
    for (const record of batch) {
      switch (record.type) {
        case 'destination-added':
          this.#add(record.destination, record.key);
          changesDestinations = true;
          break;
        case 'destination-removed':
          this.#remove(record.destination);
          changesDestinations = true;
          break;
        case 'message-added':
          assert(record.targets.length > 0, 'a message has at least one target');
          for (const target of record.targets) this.#use(target.destination, target.sequence);
          for (const piece of record.payload) assertBytes(piece);
          addsMessages = true;
          break;
        case 'redelivery-counted':
          assertNatural(record.sequence);
          assertNatural(record.count);
          break;
        case 'message-removed':
          assertNatural(record.sequence);
          break;
        case 'producer-marked':
          assertNatural(record.sequence);
          assertText(record.producer);
          break;
        case 'producer-forgotten':
          assertText(record.producer);
          break;
        case 'state-put':
          assertText(record.space);
          assertText(record.key);
          assertBytes(record.value);
          break;
        case 'state-removed':
          assertText(record.space);
          assertText(record.key);
          break;
        default:
          assert(false, 'a record has one of the types of WriteRecord');
      }
    }
    assert(
      !(changesDestinations && addsMessages),
      'a batch that adds or removes a destination adds no message',
    );
  }

  #add(destination: DestinationNumber, key: string): void {
    assertNatural(destination);
    assert(destination > 0, 'destinations are numbered from 1');
    assertText(key);
    assert(!this.#destinations.has(destination), 'a destination is added under a free number');
    assert(!this.#keys.has(key), 'a destination is added under a free key');
    this.#destinations.set(destination, { key, nextSequence: 1 });
    this.#keys.add(key);
  }

  #remove(destination: DestinationNumber): void {
    const known = this.#destinations.get(destination);
    assert(known !== undefined, 'a destination that is removed exists');
    this.#destinations.delete(destination);
    this.#keys.delete(known.key);
  }

  #use(destination: DestinationNumber, sequence: Sequence): void {
    const known = this.#destinations.get(destination);
    assert(known !== undefined, 'a message is added to a destination that exists');
    assertNatural(sequence);
    assert(sequence >= known.nextSequence, 'sequences of a destination only grow');
    known.nextSequence = sequence + 1;
  }
}

function assertNatural(value: number): void {
  assert(Number.isSafeInteger(value) && value >= 0, 'a number is a safe integer from 0 up');
}

function assertText(value: string): void {
  assert(typeof value === 'string' && value.length > 0, 'a name or key is a text of some length');
}

function assertBytes(value: Uint8Array): void {
  assert(value instanceof Uint8Array, 'payloads and values are Uint8Arrays');
}
