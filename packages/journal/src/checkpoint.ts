/**
 * A checkpoint: the index after one batch, in a file of its own. A row of blocks, each with its
 * checksum; all numbers little-endian:
 *
 * ```
 *  0       4          8           12        16
 *  +-------+----------+-----------+---------+------------------+
 *  | type  | body     | body      | number  | body             |
 *  |  u32  | bytes u32| CRC-32C   | from 0  |                  |
 *  +-------+----------+-----------+---------+------------------+
 *
 *  type            body
 *  "HEAD"          JSON: version, last batch, segments, damage
 *  "DEST"          JSON: number, key, nextSequence, redelivery counts
 *  "PLAC"          chunk number u64 | first u32 | live u32 | places x (segment, offset, payload bytes: u32)
 *                  of the destination before it
 *  "PROD"          JSON: pairs of producer and sequence
 *  "STAT"          space bytes u16 | key bytes u16 | space | key | value
 *  "END."          JSON: count of blocks; last of all
 * ```
 *
 * It is written beside the others under a temporary name, synced, then renamed. A file that fails
 * any check means nothing; recovery takes the one before.
 */
import { BrokerError } from '@batonmq/model';
import type { Files, OpenFile } from '@batonmq/runtime';
import { crc32c } from './crc32c.ts';
import {
  JournalIndex,
  type DamagedRange,
  type DestinationSnapshot,
  type IndexSnapshot,
  type LastBatch,
} from './journal-index.ts';
import type { Chunk } from './destination-index.ts';
import { readU64, writeU64 } from './record-format.ts';

const CHECKPOINT_VERSION = 1;
const BLOCK_HEADER_BYTES = 16;
const PRODUCERS_PER_BLOCK = 1000;
/** Written at once; the loop is free for others after each. Larger: fewer, longer pauses. */
const SLICE_BYTES = 256 * 1024;

const BLOCK = {
  head: tag('HEAD'),
  destination: tag('DEST'),
  places: tag('PLAC'),
  producers: tag('PROD'),
  state: tag('STAT'),
  end: tag('END.'),
} as const;

interface Head {
  readonly version: number;
  readonly last: LastBatch | undefined;
  readonly segments: readonly (readonly [
    ordinal: number,
    epoch: number,
    end: number,
    liveCount: number,
    liveBytes: number,
    shared: readonly (readonly [offset: number, count: number])[],
  ])[];
  readonly damage: readonly DamagedRange[];
}

/** Writes a snapshot to `file` from its start, and makes it durable. Returns its bytes. */
export async function writeCheckpoint(file: OpenFile, snapshot: IndexSnapshot): Promise<number> {
  // One buffer for all of it: a copy of each block would be as much garbage as the index is large, every time.
  let slice = Buffer.allocUnsafeSlow(2 * SLICE_BYTES);
  let sliceBytes = 0;
  let position = 0;
  let number = 0;
  const flush = async (): Promise<void> => {
    await file.write(slice.subarray(0, sliceBytes), position);
    position += sliceBytes;
    sliceBytes = 0;
  };
  const put = (type: number, body: readonly Uint8Array[]): void => {
    const bytes = BLOCK_HEADER_BYTES + totalBytes(body);
    if (sliceBytes + bytes > slice.length) {
      const larger = Buffer.allocUnsafeSlow(sliceBytes + bytes);
      slice.copy(larger, 0, 0, sliceBytes);
      slice = larger;
    }
    putBlock(slice, sliceBytes, { type, number, body });
    sliceBytes += bytes;
    number += 1;
  };
  for (const [type, body] of blocks(snapshot)) {
    put(type, body);
    if (sliceBytes >= SLICE_BYTES) await flush();
  }
  put(BLOCK.end, [json({ blocks: number + 1 })]);
  await flush();
  await file.truncate(position);
  await file.datasync();
  return position;
}

interface Block {
  readonly type: number;
  readonly number: number;
  readonly body: readonly Uint8Array[];
}

function putBlock(buffer: Buffer, at: number, { type, number, body }: Block): void {
  const from = at + BLOCK_HEADER_BYTES;
  let to = from;
  for (const part of body) {
    buffer.set(part, to);
    to += part.length;
  }
  buffer.writeUInt32LE(type, at);
  buffer.writeUInt32LE(to - from, at + 4);
  buffer.writeUInt32LE(crc32c(buffer, from, to), at + 8);
  buffer.writeUInt32LE(number, at + 12);
}

function totalBytes(parts: readonly Uint8Array[]): number {
  return parts.reduce((sum, part) => sum + part.length, 0);
}

/** The parts of a body are views of what the snapshot holds, as far as they can be. */
function* blocks(
  snapshot: IndexSnapshot,
): Generator<readonly [type: number, body: readonly Uint8Array[]]> {
  yield [BLOCK.head, [json(headOf(snapshot))]];
  for (const destination of snapshot.destinations) {
    const { number, key, nextSequence, redeliveryCounts } = destination;
    yield [BLOCK.destination, [json({ number, key, nextSequence, redeliveryCounts })]];
    for (const chunk of destination.chunks) yield [BLOCK.places, placesBlock(chunk)];
  }
  for (let from = 0; from < snapshot.producers.length; from += PRODUCERS_PER_BLOCK) {
    yield [BLOCK.producers, [json(snapshot.producers.slice(from, from + PRODUCERS_PER_BLOCK))]];
  }
  for (const [space, key, value] of snapshot.states) {
    yield [BLOCK.state, stateBlock(space, key, value)];
  }
}

function headOf(snapshot: IndexSnapshot): Head {
  return {
    version: CHECKPOINT_VERSION,
    last: snapshot.last,
    segments: snapshot.segments.map((segment) => [
      segment.ordinal,
      segment.epoch,
      segment.end,
      segment.liveCount,
      segment.liveBytes,
      [...segment.shared],
    ]),
    damage: snapshot.damage,
  };
}

function placesBlock(chunk: Chunk): readonly Uint8Array[] {
  const { places, number, first, liveCount } = chunk;
  const head = Buffer.allocUnsafe(16);
  writeU64(new DataView(head.buffer, head.byteOffset, 16), 0, number);
  head.writeUInt32LE(first, 8);
  head.writeUInt32LE(liveCount, 12);
  return [head, new Uint8Array(places.buffer, places.byteOffset, places.byteLength)];
}

function stateBlock(space: string, key: string, value: Uint8Array): readonly Uint8Array[] {
  const names = Buffer.from(space + key);
  const spaceBytes = Buffer.byteLength(space);
  const lengths = Buffer.allocUnsafe(4);
  lengths.writeUInt16LE(spaceBytes, 0);
  lengths.writeUInt16LE(names.length - spaceBytes, 2);
  return [lengths, names, value];
}

/**
 * The index that the checkpoint at `path` holds, or undefined if it is damaged.
 *
 * @throws `BATON_STORE_FORMAT` if it is of another version.
 */
export async function readCheckpoint(
  files: Files,
  path: string,
): Promise<JournalIndex | undefined> {
  const file = await files.open(path, 'read');
  try {
    const bytes = Buffer.allocUnsafe((await file.status()).sizeBytes);
    if ((await file.read(bytes, 0)) < bytes.length) return undefined;
    const snapshot = parse(bytes, path);
    return snapshot && JournalIndex.restore(snapshot);
  } finally {
    await file.close();
  }
}

interface ParsedDestination extends DestinationSnapshot {
  readonly chunks: Chunk[];
}

function parse(bytes: Buffer, path: string): IndexSnapshot | undefined {
  let head: Head | undefined;
  const destinations: ParsedDestination[] = [];
  const producers: (readonly [string, number])[] = [];
  const states: (readonly [string, string, Uint8Array])[] = [];
  let number = 0;
  for (let at = 0; at + BLOCK_HEADER_BYTES <= bytes.length; number += 1) {
    const from = at + BLOCK_HEADER_BYTES;
    const to = from + bytes.readUInt32LE(at + 4);
    if (to > bytes.length || bytes.readUInt32LE(at + 12) !== number) return undefined;
    if (crc32c(bytes, from, to) !== bytes.readUInt32LE(at + 8)) return undefined;
    const body = bytes.subarray(from, to);
    switch (bytes.readUInt32LE(at)) {
      case BLOCK.head:
        head = parsed(body) as Head;
        checkVersion(head, path);
        break;
      case BLOCK.destination:
        destinations.push({ ...(parsed(body) as DestinationSnapshot), chunks: [] });
        break;
      case BLOCK.places:
        destinations.at(-1)?.chunks.push(readPlaces(body));
        break;
      case BLOCK.producers:
        producers.push(...(parsed(body) as [string, number][]));
        break;
      case BLOCK.state:
        states.push(readState(body));
        break;
      case BLOCK.end:
        return head && { ...bodyOf(head), destinations, producers, states };
      default:
        return undefined;
    }
    at = to;
  }
  return undefined;
}

function bodyOf(head: Head): Pick<IndexSnapshot, 'last' | 'segments' | 'damage'> {
  return {
    last: head.last,
    segments: head.segments.map(([ordinal, epoch, end, liveCount, liveBytes, shared]) => ({
      ordinal,
      epoch,
      end,
      liveCount,
      liveBytes,
      shared: new Map(shared),
    })),
    damage: head.damage,
  };
}

function readPlaces(body: Buffer): Chunk {
  const places = new Uint32Array((body.length - 16) / 4);
  Buffer.from(places.buffer).set(body.subarray(16));
  return {
    number: readU64(body, 0),
    first: body.readUInt32LE(8),
    liveCount: body.readUInt32LE(12),
    places,
  };
}

function readState(body: Buffer): readonly [string, string, Uint8Array] {
  const keyFrom = 4 + body.readUInt16LE(0);
  const valueFrom = keyFrom + body.readUInt16LE(2);
  return [
    body.toString('utf8', 4, keyFrom),
    body.toString('utf8', keyFrom, valueFrom),
    new Uint8Array(body.subarray(valueFrom)),
  ];
}

function checkVersion(head: Head, path: string): void {
  if (head.version === CHECKPOINT_VERSION) return;
  throw new BrokerError(
    'BATON_STORE_FORMAT',
    `${path} is a checkpoint of format ${head.version}; this version reads ${CHECKPOINT_VERSION}`,
    { details: { file: path, version: head.version } },
  );
}

function json(value: unknown): Buffer {
  return Buffer.from(JSON.stringify(value));
}

/** Only ever given a body whose checksum holds, so it is what {@link json} made. */
function parsed(body: Buffer): unknown {
  return JSON.parse(body.toString('utf8'));
}

function tag(text: string): number {
  return Buffer.from(text, 'latin1').readUInt32LE(0);
}
