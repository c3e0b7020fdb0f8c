import { BrokerError } from '@batonmq/model';
import type { Command, DataStructure } from '../structure/commands.ts';
import { Decoder } from '../codec/decoder.ts';
import { protocolError } from '../protocol-error.ts';
import { INITIAL_SETTINGS } from '../codec/settings.ts';
import { standsAlone } from '../structure/plan.ts';
import { asBuffer } from '../codec/byte-sink.ts';
import { frameSize, type WireFormat } from '../codec/wire-format.ts';

/** A frame that arrives in parts gets this much memory at first, and more as its bytes come in. */
const PARTIAL_BYTES_MIN = 1024;

const PREFIX_BYTES = 4;

const EMPTY = Buffer.alloc(0);

/**
 * Cuts the bytes of one direction of a connection into frames and decodes them.
 *
 * The first frame must be a `WireFormatInfo` of at most 8 KiB. The caller answers it, agrees on a
 * format (`negotiate`) and calls {@link start} before it asks for the next command; from then on
 * frames may have the size agreed on.
 *
 * Lifetime: byte fields of a command (`content`, `marshalledProperties`, …) are views of the chunk
 * they arrived in, or of a buffer of their own if the frame was spread over chunks. They stay valid
 * for ever if the caller never writes to a chunk again, as Node's sockets do. But a view keeps all
 * of its chunk alive: what is kept for long should go through {@link detach}.
 *
 * Commands are never to be changed: those that name the same producer, consumer or destination may
 * share the object that does.
 */
export class FrameReader {
  #decoder = new Decoder(INITIAL_SETTINGS);
  #state: 'expecting-info' | 'negotiating' | 'started' = 'expecting-info';
  #agreedMax = INITIAL_SETTINGS.maxFrameSize;
  #sizeMax = INITIAL_SETTINGS.maxFrameSize;
  #chunk: Buffer = EMPTY;
  #position = 0;
  /** The frame that began in an earlier chunk, with its prefix; grows as bytes arrive. */
  #partial: Buffer | null = null;
  #partialLength = 0;
  /** Bytes until the frame, or first its prefix, is whole. */
  #wanted = PREFIX_BYTES;
  #failure: Error | null = null;

  /** Goes on in the agreed format, from the frame after the `WireFormatInfo`. */
  start(format: WireFormat): void {
    if (this.#state !== 'negotiating') {
      throw new BrokerError('BATON_INVALID_STATE', `A reader cannot start while ${this.#state}`);
    }
    this.#decoder = format.decoder;
    this.#agreedMax = this.#sizeMax = format.settings.maxFrameSize;
    this.#state = 'started';
  }

  /** Refuses larger frames from the next one on, if that is less than was agreed; `Infinity` allows that again. */
  limitFrames(bytesMax: number): void {
    this.#sizeMax = Math.min(this.#agreedMax, bytesMax);
  }

  /**
   * Takes the bytes that arrived and gives the commands that became complete. Commands are decoded
   * one by one as they are asked for; what is not asked for comes first after the next `push`.
   *
   * @throws BrokerError `BATON_PROTOCOL` with `details.position` in the frame, or
   *   `BATON_FRAME_TOO_LARGE`, while iterating and ever after: the connection is to be closed.
   */
  push(chunk: Uint8Array): IterableIterator<Command> {
    const rest = this.#chunk.subarray(this.#position);
    this.#chunk = rest.length === 0 ? asBuffer(chunk) : Buffer.concat([rest, chunk]);
    this.#position = 0;
    return this.#commands();
  }

  *#commands(): IterableIterator<Command> {
    for (;;) {
      const command = this.#nextOrFail();
      if (command === null) return;
      yield command;
    }
  }

  #nextOrFail(): Command | null {
    if (this.#failure !== null) throw this.#failure;
    try {
      return this.#next();
    } catch (error) {
      this.#failure = error instanceof Error ? error : new Error(String(error));
      this.#chunk = EMPTY;
      this.#position = 0;
      this.#partial = null;
      throw error;
    }
  }

  #next(): Command | null {
    if (this.#partial !== null) return this.#continuePartial();
    const start = this.#position;
    const available = this.#chunk.length - start;
    if (available === 0) return null;
    if (available < PREFIX_BYTES) return this.#beginPartial(PREFIX_BYTES);
    const end = start + PREFIX_BYTES + frameSize(this.#chunk, start, this.#sizeMax);
    if (end > this.#chunk.length) return this.#beginPartial(end - start);
    this.#position = end;
    return this.#decode(this.#chunk, start + PREFIX_BYTES, end);
  }

  #beginPartial(wanted: number): Command | null {
    const available = this.#chunk.length - this.#position;
    this.#partial = Buffer.allocUnsafeSlow(
      Math.min(wanted, Math.max(available, PARTIAL_BYTES_MIN)),
    );
    this.#partialLength = 0;
    this.#wanted = wanted;
    return this.#continuePartial();
  }

  #continuePartial(): Command | null {
    this.#fill();
    if (this.#partialLength === PREFIX_BYTES && this.#wanted === PREFIX_BYTES) {
      this.#wanted += frameSize(this.#partial ?? EMPTY, 0, this.#sizeMax);
      this.#fill();
    }
    const frame = this.#partial;
    if (frame === null || this.#partialLength < this.#wanted) return null;
    this.#partial = null;
    return this.#decode(frame, PREFIX_BYTES, this.#wanted);
  }

  #fill(): void {
    const available = this.#chunk.length - this.#position;
    const length = Math.min(available, this.#wanted - this.#partialLength);
    const filled = this.#partialLength + length;
    this.#grow(filled);
    this.#partial?.set(
      this.#chunk.subarray(this.#position, this.#position + length),
      this.#partialLength,
    );
    this.#partialLength = filled;
    this.#position += length;
    // The chunk is used up: keeping it until the next one would keep its memory.
    if (this.#position === this.#chunk.length) this.#release();
  }

  #grow(length: number): void {
    const partial = this.#partial ?? EMPTY;
    if (length <= partial.length) return;
    const longer = Buffer.allocUnsafeSlow(
      Math.min(this.#wanted, Math.max(length, partial.length * 2, PARTIAL_BYTES_MIN)),
    );
    longer.set(partial.subarray(0, this.#partialLength));
    this.#partial = longer;
  }

  #release(): void {
    this.#chunk = EMPTY;
    this.#position = 0;
  }

  #decode(bytes: Buffer, start: number, end: number): Command {
    if (this.#state === 'negotiating') {
      throw new BrokerError(
        'BATON_INVALID_STATE',
        'A frame was asked for before the format is set',
      );
    }
    if (this.#position === this.#chunk.length) this.#release();
    const isInfo = bytes[start] === WIRE_FORMAT_INFO;
    if (isInfo !== (this.#state === 'expecting-info')) {
      throw protocolError(
        isInfo ? 'A second WireFormatInfo arrived' : 'The first frame is not a WireFormatInfo',
        PREFIX_BYTES,
      );
    }
    const structure = this.#decoder.decode(bytes, start, end);
    if (isInfo) this.#state = 'negotiating';
    return asCommand(structure);
  }
}

const WIRE_FORMAT_INFO = 1;

function asCommand(structure: DataStructure): Command {
  if (standsAlone(structure)) return structure;
  throw protocolError(`A ${structure.type} is not a command`, PREFIX_BYTES);
}

/**
 * Bytes that keep little else alive: `bytes` itself if it is at least half of the memory under it,
 * a copy otherwise. For byte fields of decoded commands that are kept.
 */
export function detach(bytes: Uint8Array): Uint8Array {
  return bytes.length * 2 >= bytes.buffer.byteLength
    ? bytes
    : Uint8Array.prototype.slice.call(bytes);
}
