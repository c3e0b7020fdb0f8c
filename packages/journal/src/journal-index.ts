/**
 * Everything the journal knows without reading a message: the state after a batch.
 *
 * The index changes only by {@link JournalIndex.apply}, with the bytes of a batch as they are on
 * disk. The owner does that when a batch is durable, recovery and followers when they read it, so
 * all of them come to the same state by the same code. Applying a batch a second time, straight
 * after the first, changes nothing: that is what carrying a batch over into a new epoch does.
 */
import { destinationNumber, present, sequence as toSequence } from '@batonmq/model';
import type { RecoveryVisitor } from '@batonmq/store-spi';
import {
  BATCH_HEADER_BYTES,
  readRawRecord,
  type BatchHeader,
  type RawRecord,
} from './batch-format.ts';
import { DestinationIndex, type Chunk, type MessagePlace } from './destination-index.ts';
import { readEpochOpened, readU64, RECORD_TYPE, TARGET_BYTES } from './record-format.ts';

/** Counted per message on top of its payload: record header and one target. */
const MESSAGE_OVERHEAD_BYTES = 24;

/** One segment as far as it counts. */
export interface IndexedSegment {
  readonly ordinal: number;
  readonly epoch: number;
  /** Bytes from the start that hold batches of this journal; what follows is nobody's. */
  end: number;
  liveCount: number;
  /** Of live messages, overhead included. */
  liveBytes: number;
  /** Offsets of messages with several live targets, and how many. */
  readonly shared: Map<number, number>;
}

/** A batch as the journal remembers its last one. */
export interface LastBatch {
  readonly epoch: number;
  readonly sequence: number;
  readonly segment: number;
  readonly offset: number;
  readonly end: number;
  readonly recordsChecksum: number;
}

/** Bytes that could not be read and were left out, by the decision of whoever opened the journal. */
export interface DamagedRange {
  readonly file: string;
  readonly from: number;
  readonly to: number;
  /** First and last batch sequence that is missing. */
  readonly firstBatch: number;
  readonly lastBatch: number;
}

/** All of an index at one moment; what a checkpoint holds. */
export interface IndexSnapshot {
  readonly last: LastBatch | undefined;
  readonly segments: readonly IndexedSegment[];
  readonly destinations: readonly DestinationSnapshot[];
  readonly producers: readonly (readonly [producer: string, sequence: number])[];
  readonly states: readonly (readonly [space: string, key: string, value: Uint8Array])[];
  readonly damage: readonly DamagedRange[];
}

export interface DestinationSnapshot {
  readonly number: number;
  readonly key: string;
  readonly nextSequence: number;
  readonly redeliveryCounts: readonly (readonly [sequence: number, count: number])[];
  readonly chunks: readonly Chunk[];
}

export class JournalIndex {
  readonly segments = new Map<number, IndexedSegment>();
  readonly destinations = new Map<number, DestinationIndex>();
  readonly damage: DamagedRange[] = [];
  /** The batch this is the state after; undefined before the first. */
  last: LastBatch | undefined;
  /** The last batch of the checkpoint this was restored from: known to be durable. */
  checkpointedSequence = 0;
  messageCount = 0;
  liveBytes = 0;
  /** How often a segment lost its last live message: a change says that there is space to free. */
  emptiedCount = 0;
  readonly #producers = new Map<string, number>();
  readonly #states = new Map<string, Map<string, Uint8Array>>();

  /** Takes in a batch whose checksums hold; its bytes are not kept. */
  apply(buffer: Buffer, at: number, header: BatchHeader): void {
    const segment = this.#segment(header.segment, header.epoch);
    const end = header.offset + header.batchBytes;
    segment.end = end;
    let next = at + BATCH_HEADER_BYTES;
    for (let index = 0; index < header.recordCount; index += 1) {
      const record = readRawRecord(buffer, next);
      this.#applyRecord(buffer, record, header.segment, header.offset + next - at);
      next = record.to;
    }
    const { epoch, sequence, offset, recordsChecksum } = header;
    this.last = { epoch, sequence, segment: header.segment, offset, end, recordsChecksum };
  }

  /** Leaves out what cannot be read: the next batch applied is the one after `range`. */
  skip(range: DamagedRange, next: { readonly segment: number; readonly offset: number }): void {
    this.damage.push(range);
    const { epoch = 0, recordsChecksum = 0 } = this.last ?? {};
    const { segment, offset } = next;
    this.last = { epoch, sequence: range.lastBatch, segment, offset, end: offset, recordsChecksum };
  }

  visit(visitor: RecoveryVisitor): void {
    for (const [number, destination] of this.destinations) {
      visitor.destination({
        destination: destinationNumber(number),
        key: destination.key,
        messageCount: destination.messageCount,
        messageBytes: destination.messageBytes,
        firstSequence: toSequence(destination.firstSequence),
        nextSequence: toSequence(destination.nextSequence),
      });
    }
    for (const [producer, sequence] of this.#producers) visitor.producer(producer, sequence);
    for (const [space, entries] of this.#states) {
      for (const [key, value] of entries) visitor.state(space, key, value);
    }
  }

  /** The state now. Cheap: the places of messages are shared until they change. */
  snapshot(): IndexSnapshot {
    return {
      last: this.last,
      segments: [...this.segments.values()].map((segment) => ({
        ...segment,
        shared: new Map(segment.shared),
      })),
      destinations: [...this.destinations].map(([number, destination]) => ({
        number,
        key: destination.key,
        nextSequence: destination.nextSequence,
        redeliveryCounts: [...destination.redeliveryCounts],
        chunks: destination.snapshot(),
      })),
      producers: [...this.#producers],
      states: [...this.#states].flatMap(([space, entries]) =>
        [...entries].map(([key, value]) => [space, key, value] as const),
      ),
      damage: [...this.damage],
    };
  }

  static restore(snapshot: IndexSnapshot): JournalIndex {
    const index = new JournalIndex();
    index.last = snapshot.last;
    index.checkpointedSequence = snapshot.last?.sequence ?? 0;
    for (const segment of snapshot.segments) {
      index.segments.set(segment.ordinal, segment);
      index.liveBytes += segment.liveBytes;
    }
    for (const saved of snapshot.destinations) {
      const destination = new DestinationIndex(saved.key);
      for (const chunk of saved.chunks) destination.restore(chunk);
      for (const [sequence, count] of saved.redeliveryCounts) {
        destination.redeliveryCounts.set(sequence, count);
      }
      destination.nextSequence = saved.nextSequence;
      index.destinations.set(saved.number, destination);
      index.messageCount += destination.messageCount;
    }
    for (const [producer, sequence] of snapshot.producers) index.#producers.set(producer, sequence);
    for (const [space, key, value] of snapshot.states) index.#space(space).set(key, value);
    index.damage.push(...snapshot.damage);
    return index;
  }

  #applyRecord(buffer: Buffer, record: RawRecord, segment: number, offset: number): void {
    const { from, to } = record;
    switch (record.type) {
      case RECORD_TYPE.destinationAdded:
        this.#addDestination(buffer.readUInt32LE(from), buffer.toString('utf8', from + 4, to));
        return;
      case RECORD_TYPE.destinationRemoved:
        this.#removeDestination(buffer.readUInt32LE(from));
        return;
      case RECORD_TYPE.messageAdded:
        this.#addMessage(buffer, record, segment, offset);
        return;
      case RECORD_TYPE.messageMoved:
        this.#moveMessage(buffer, record, segment, offset);
        return;
      case RECORD_TYPE.messageRemoved:
        this.#removeMessage(buffer.readUInt32LE(from), readU64(buffer, from + 4));
        return;
      case RECORD_TYPE.redeliveryCounted:
        this.#countRedelivery(
          buffer.readUInt32LE(from),
          readU64(buffer, from + 4),
          buffer.readUInt32LE(from + 12),
        );
        return;
      case RECORD_TYPE.producerMarked:
        this.#producers.set(buffer.toString('utf8', from + 8, to), readU64(buffer, from));
        return;
      case RECORD_TYPE.producerForgotten:
        this.#producers.delete(buffer.toString('utf8', from, to));
        return;
      case RECORD_TYPE.statePut:
      case RECORD_TYPE.stateRemoved:
        this.#applyState(buffer, record);
        return;
      case RECORD_TYPE.epochOpened:
        for (const sealed of readEpochOpened(buffer, from, to).sealed) {
          this.#segment(sealed.segment, sealed.epoch).end = sealed.length;
        }
        return;
      default:
        // A later version of this format may add records that an older reader can do without.
        return;
    }
  }

  #addDestination(number: number, key: string): void {
    if (this.destinations.get(number)?.key === key) return;
    this.#removeDestination(number);
    this.destinations.set(number, new DestinationIndex(key));
  }

  #removeDestination(number: number): void {
    const destination = this.destinations.get(number);
    if (destination === undefined) return;
    for (const [, place] of destination.entries(0)) this.#release(place);
    this.messageCount -= destination.messageCount;
    this.destinations.delete(number);
  }

  #addMessage(buffer: Buffer, record: RawRecord, segment: number, offset: number): void {
    const targetsFrom = record.to - record.targetCount * TARGET_BYTES;
    const place = { segment, offset, payloadBytes: targetsFrom - record.from };
    let targetCount = 0;
    for (let at = targetsFrom; at < record.to; at += TARGET_BYTES) {
      const number = buffer.readUInt32LE(at);
      let destination = this.destinations.get(number);
      if (destination === undefined) {
        // Nobody said what the number stands for; the message is kept all the same.
        destination = new DestinationIndex('');
        this.destinations.set(number, destination);
      }
      if (this.#place(destination, readU64(buffer, at + 4), place)) targetCount += 1;
    }
    this.#hold(place, targetCount);
  }

  /** Only messages that are still there follow: one that was removed meanwhile must not come back. */
  #moveMessage(buffer: Buffer, record: RawRecord, segment: number, offset: number): void {
    const targetsFrom = record.to - record.targetCount * TARGET_BYTES;
    const place = { segment, offset, payloadBytes: targetsFrom - record.from };
    let targetCount = 0;
    for (let at = targetsFrom; at < record.to; at += TARGET_BYTES) {
      const destination = this.destinations.get(buffer.readUInt32LE(at));
      const sequence = readU64(buffer, at + 4);
      if (destination?.get(sequence) === undefined) continue;
      if (this.#place(destination, sequence, place)) targetCount += 1;
    }
    this.#hold(place, targetCount);
  }

  /** False if the message already lies at `place`: a record that names a target twice. */
  #place(destination: DestinationIndex, sequence: number, place: MessagePlace): boolean {
    const old = destination.set(sequence, place);
    if (old?.segment === place.segment && old.offset === place.offset) return false;
    if (old === undefined) this.messageCount += 1;
    else this.#release(old);
    return true;
  }

  #removeMessage(number: number, sequence: number): void {
    const place = this.destinations.get(number)?.remove(sequence);
    if (place === undefined) return;
    this.messageCount -= 1;
    this.#release(place);
  }

  #countRedelivery(number: number, sequence: number, count: number): void {
    const destination = this.destinations.get(number);
    if (destination?.get(sequence) === undefined) return;
    if (count === 0) destination.redeliveryCounts.delete(sequence);
    else destination.redeliveryCounts.set(sequence, count);
  }

  #applyState(buffer: Buffer, record: RawRecord): void {
    const keyFrom = record.from + 4 + buffer.readUInt16LE(record.from);
    const valueFrom = keyFrom + buffer.readUInt16LE(record.from + 2);
    const space = buffer.toString('utf8', record.from + 4, keyFrom);
    const key = buffer.toString('utf8', keyFrom, valueFrom);
    if (record.type === RECORD_TYPE.statePut) {
      // A copy of its own: the buffer is written to again.
      this.#space(space).set(key, new Uint8Array(buffer.subarray(valueFrom, record.to)));
      return;
    }
    const entries = this.#states.get(space);
    entries?.delete(key);
    if (entries?.size === 0) this.#states.delete(space);
  }

  #space(space: string): Map<string, Uint8Array> {
    let entries = this.#states.get(space);
    if (entries === undefined) {
      entries = new Map<string, Uint8Array>();
      this.#states.set(space, entries);
    }
    return entries;
  }

  /** A message under `targetCount` targets now lies at `place`. */
  #hold(place: MessagePlace, targetCount: number): void {
    if (targetCount === 0) return;
    const segment = present(this.segments.get(place.segment), 'a message lies in a known segment');
    const bytes = place.payloadBytes + MESSAGE_OVERHEAD_BYTES;
    segment.liveCount += 1;
    segment.liveBytes += bytes;
    this.liveBytes += bytes;
    if (targetCount > 1) segment.shared.set(place.offset, targetCount);
  }

  /** One target less lies at `place`. */
  #release(place: MessagePlace): void {
    const segment = present(this.segments.get(place.segment), 'a message lies in a known segment');
    const count = segment.shared.get(place.offset);
    if (count !== undefined) {
      if (count > 2) segment.shared.set(place.offset, count - 1);
      else segment.shared.delete(place.offset);
      return;
    }
    const bytes = place.payloadBytes + MESSAGE_OVERHEAD_BYTES;
    segment.liveCount -= 1;
    if (segment.liveCount === 0) this.emptiedCount += 1;
    segment.liveBytes -= bytes;
    this.liveBytes -= bytes;
  }

  #segment(ordinal: number, epoch: number): IndexedSegment {
    let segment = this.segments.get(ordinal);
    if (segment === undefined) {
      segment = { ordinal, epoch, end: 0, liveCount: 0, liveBytes: 0, shared: new Map() };
      this.segments.set(ordinal, segment);
    }
    return segment;
  }
}
