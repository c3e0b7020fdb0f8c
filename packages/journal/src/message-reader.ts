/** Reads stored messages back, several with one read where they lie together. */
import { BrokerError, sequence as toSequence } from '@batonmq/model';
import type { ReadLimits, StoredMessage } from '@batonmq/store-spi';
import { isBodyIntact, readRawRecord } from './batch-format.ts';
import type { DestinationIndex, MessagePlace } from './destination-index.ts';
import type { JournalIndex } from './journal-index.ts';
import { readU64, RECORD_HEADER_BYTES, RECORD_TYPE, TARGET_BYTES } from './record-format.ts';
import type { SegmentFiles } from './segment-files.ts';

/** Messages that lie within so many bytes are read at once; a payload may keep that much in memory. */
const BLOCK_BYTES_MAX = 1024 * 1024;
/** Room for the targets of the last message of a block; more of them cost a second read. */
const TARGETS_GUESS_BYTES = 4 * TARGET_BYTES;

interface WantedMessage {
  readonly sequence: number;
  readonly place: MessagePlace;
}

export class MessageReader {
  readonly #index: JournalIndex;
  readonly #files: SegmentFiles;
  readonly #pathOf: (segment: number) => string;

  constructor(index: JournalIndex, files: SegmentFiles, pathOf: (segment: number) => string) {
    this.#index = index;
    this.#files = files;
    this.#pathOf = pathOf;
  }

  /**
   * Messages of `destination` from `from` up, without those removed.
   *
   * @throws `BATON_CORRUPT` with file and offset.
   */
  async read(
    destination: number,
    from: number,
    limits: ReadLimits,
  ): Promise<readonly StoredMessage[]> {
    const index = this.#index.destinations.get(destination);
    if (index === undefined) return [];
    const wanted = choose(index, from, limits);
    const messages: StoredMessage[] = [];
    for (let at = 0; at < wanted.length;) {
      const block = blockFrom(wanted, at);
      const payloads = await this.#readBlock(destination, block);
      for (const [position, { sequence }] of block.entries()) {
        const payload = payloads[position] ?? (await this.#readMoved(destination, sequence));
        // Removed while it was being read: as if the read had come a little later.
        if (payload === undefined || index.get(sequence) === undefined) continue;
        const redeliveryCount = index.redeliveryCounts.get(sequence) ?? 0;
        messages.push({ sequence: toSequence(sequence), redeliveryCount, payload });
      }
      at += block.length;
    }
    return messages;
  }

  /** Payloads of messages of one segment that lie close together; undefined where one is not there. */
  async #readBlock(
    destination: number,
    block: readonly WantedMessage[],
  ): Promise<(Uint8Array | undefined)[]> {
    const first = block[0];
    const last = block.at(-1);
    if (first === undefined || last === undefined) return [];
    const from = first.place.offset;
    const to =
      last.place.offset + RECORD_HEADER_BYTES + last.place.payloadBytes + TARGETS_GUESS_BYTES;
    const path = this.#pathOf(first.place.segment);
    let bytes: Buffer;
    try {
      bytes = await this.#readBytes(path, from, to - from);
    } catch (error) {
      if (isMissing(error)) return block.map(() => undefined);
      throw readFailure(path, error);
    }
    return block.map(({ sequence, place }) =>
      payloadAt(bytes, place.offset - from, destination, sequence),
    );
  }

  /**
   * Reads one message on its own, at the place where it is now: compaction may have moved it since
   * the first try, or it has more targets than the first try allowed for.
   */
  async #readMoved(destination: number, sequence: number): Promise<Uint8Array | undefined> {
    for (;;) {
      const place = this.#index.destinations.get(destination)?.get(sequence);
      if (place === undefined) return undefined;
      const path = this.#pathOf(place.segment);
      try {
        const header = await this.#readBytes(path, place.offset, RECORD_HEADER_BYTES);
        const bodyBytes = header.length < RECORD_HEADER_BYTES ? 0 : readRawRecord(header, 0).to;
        const isPlausible = bodyBytes <= place.payloadBytes + 65_536 * TARGET_BYTES;
        const bytes = await this.#readBytes(path, place.offset, isPlausible ? bodyBytes : 0);
        const payload = payloadAt(bytes, 0, destination, sequence);
        if (payload !== undefined) return payload;
      } catch (error) {
        if (!isMissing(error)) throw readFailure(path, error);
      }
      const now = this.#index.destinations.get(destination)?.get(sequence);
      if (now?.segment === place.segment && now.offset === place.offset) {
        throw new BrokerError(
          'BATON_CORRUPT',
          `${path} is damaged at offset ${place.offset}: message ${sequence} of destination ${destination} cannot be read`,
          { details: { file: path, offset: place.offset, destination, sequence } },
        );
      }
    }
  }

  async #readBytes(path: string, from: number, count: number): Promise<Buffer> {
    const bytes = Buffer.allocUnsafeSlow(count);
    const read = await this.#files.use(path, (file) => file.read(bytes, from));
    return bytes.subarray(0, read);
  }
}

function choose(index: DestinationIndex, from: number, limits: ReadLimits): WantedMessage[] {
  const wanted: WantedMessage[] = [];
  let bytes = 0;
  for (const [sequence, place] of index.entries(from)) {
    bytes += place.payloadBytes;
    const isBeyond = bytes > limits.bytesMax || wanted.length >= limits.messageCountMax;
    if (isBeyond && wanted.length > 0) break;
    wanted.push({ sequence, place });
  }
  return wanted;
}

/** The messages from `start` on that lie in one segment, in order, within one block. */
function blockFrom(wanted: readonly WantedMessage[], start: number): readonly WantedMessage[] {
  const first = wanted[start];
  let end = start + 1;
  let reached = first?.place.offset ?? 0;
  for (let next = wanted[end]; first !== undefined && next !== undefined; next = wanted[end]) {
    const { segment, offset, payloadBytes } = next.place;
    if (segment !== first.place.segment || offset < reached) break;
    if (offset + payloadBytes - first.place.offset > BLOCK_BYTES_MAX) break;
    reached = offset;
    end += 1;
  }
  return wanted.slice(start, end);
}

/** The payload of the record at `at`, if it is whole, intact and is this message. */
function payloadAt(
  bytes: Buffer,
  at: number,
  destination: number,
  sequence: number,
): Uint8Array | undefined {
  if (at + RECORD_HEADER_BYTES > bytes.length) return undefined;
  const record = readRawRecord(bytes, at);
  const isMessage =
    record.type === RECORD_TYPE.messageAdded || record.type === RECORD_TYPE.messageMoved;
  if (!isMessage || record.to > bytes.length || !isBodyIntact(bytes, record)) return undefined;
  const targetsFrom = record.to - record.targetCount * TARGET_BYTES;
  for (let target = targetsFrom; target < record.to; target += TARGET_BYTES) {
    if (bytes.readUInt32LE(target) === destination && readU64(bytes, target + 4) === sequence) {
      return bytes.subarray(record.from, targetsFrom);
    }
  }
  return undefined;
}

function readFailure(path: string, error: unknown): BrokerError {
  const text = error instanceof Error ? error.message : String(error);
  return new BrokerError('BATON_STORE_FAILED', `${path} could not be read: ${text}`, {
    details: { file: path },
    cause: error,
  });
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT';
}
