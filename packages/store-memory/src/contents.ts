import type { DestinationNumber, Sequence } from '@batonmq/model';
import type {
  ReadLimits,
  RecoveryVisitor,
  StoredMessage,
  WriteBatch,
  WriteRecord,
} from '@batonmq/store-spi';
import { MessageList, type Body, type Entry } from './message-list.ts';

/** Everything a broker remembers, and how each record changes it. Knows nothing of leases. */
export class Contents {
  readonly #destinations = new Map<DestinationNumber, MessageList>();
  readonly #producers = new Map<string, number>();
  readonly #states = new Map<string, Map<string, Uint8Array>>();
  #liveBytes = 0;

  /** Bytes of the bodies kept, each counted once. */
  get liveBytes(): number {
    return this.#liveBytes;
  }

  get messageCount(): number {
    let count = 0;
    for (const list of this.#destinations.values()) count += list.messageCount;
    return count;
  }

  /** Runs to its end within one turn, so nobody ever sees half a batch. */
  apply(batch: WriteBatch): void {
    for (const record of batch) this.#applyRecord(record);
  }

  recover(visitor: RecoveryVisitor): void {
    for (const [destination, list] of this.#destinations) {
      const { key, messageCount, messageBytes, firstSequence, nextSequence } = list;
      visitor.destination({
        destination,
        key,
        messageCount,
        messageBytes,
        firstSequence,
        nextSequence,
      });
    }
    for (const [producer, mark] of this.#producers) visitor.producer(producer, mark);
    for (const [space, values] of this.#states) {
      for (const [key, value] of values) visitor.state(space, key, copyOf(value));
    }
  }

  read(destination: DestinationNumber, from: Sequence, limits: ReadLimits): StoredMessage[] {
    const page: StoredMessage[] = [];
    let pageBytes = 0;
    for (const { sequence, redeliveryCount, body } of this.#entriesOf(destination, from)) {
      pageBytes += body.bytes.length;
      const isOver = page.length === limits.messageCountMax || pageBytes > limits.bytesMax;
      // The first message goes out whatever its size: a page without one would end the queue.
      if (isOver && page.length > 0) break;
      page.push({ sequence, redeliveryCount, payload: copyOf(body.bytes) });
    }
    return page;
  }

  #applyRecord(record: WriteRecord): void {
    switch (record.type) {
      case 'destination-added':
        this.#destinations.set(record.destination, new MessageList(record.key));
        break;
      case 'destination-removed':
        for (const entry of this.#entriesOf(record.destination)) this.#letGo(entry.body);
        this.#destinations.delete(record.destination);
        break;
      case 'message-added': {
        const bytes = joinedCopyOf(record.payload);
        const body: Body = { bytes, placeCount: record.targets.length };
        this.#liveBytes += bytes.length;
        for (const { destination, sequence } of record.targets) {
          this.#destinations.get(destination)?.add(sequence, body);
        }
        break;
      }
      case 'message-removed': {
        const list = this.#destinations.get(record.destination);
        const entry = list?.find(record.sequence);
        if (entry === undefined) break;
        list?.remove(entry);
        this.#letGo(entry.body);
        break;
      }
      case 'redelivery-counted': {
        const entry = this.#destinations.get(record.destination)?.find(record.sequence);
        if (entry !== undefined) entry.redeliveryCount = record.count;
        break;
      }
      case 'producer-marked':
        this.#producers.set(record.producer, record.sequence);
        break;
      case 'producer-forgotten':
        this.#producers.delete(record.producer);
        break;
      case 'state-put': {
        const values = this.#states.get(record.space) ?? new Map<string, Uint8Array>();
        this.#states.set(record.space, values.set(record.key, copyOf(record.value)));
        break;
      }
      case 'state-removed':
        this.#states.get(record.space)?.delete(record.key);
        break;
    }
  }

  #entriesOf(destination: DestinationNumber, from = 0 as Sequence): Iterable<Entry> {
    return this.#destinations.get(destination)?.entriesFrom(from) ?? [];
  }

  #letGo(body: Body): void {
    body.placeCount -= 1;
    if (body.placeCount === 0) this.#liveBytes -= body.bytes.length;
  }
}

/** Bytes of new messages in a batch: what it needs room for. */
export function addedBytes(batch: WriteBatch): number {
  let bytes = 0;
  for (const record of batch) {
    if (record.type !== 'message-added') continue;
    for (const piece of record.payload) bytes += piece.length;
  }
  return bytes;
}

/** What was handed in stays the caller's, and so does what is handed out: both are copied. */
function copyOf(bytes: Uint8Array): Uint8Array {
  return new Uint8Array(bytes);
}

function joinedCopyOf(pieces: readonly Uint8Array[]): Uint8Array {
  let length = 0;
  for (const piece of pieces) length += piece.length;
  const joined = new Uint8Array(length);
  let end = 0;
  for (const piece of pieces) {
    joined.set(piece, end);
    end += piece.length;
  }
  return joined;
}
