import { BrokerError } from '@batonmq/model';
import { asBuffer, ByteSink } from './byte-sink.ts';
import type { DataStructure } from '../structure/commands.ts';
import { Decoder } from './decoder.ts';
import { Encoder } from './encoder.ts';
import { protocolError } from '../protocol-error.ts';
import type { CodecSettings } from './settings.ts';
import { LATEST_VERSION } from '../structure/table.ts';

/**
 * The agreed format of one connection, with the state of its two directions. Frames of a direction
 * must go through it in order, each once, because with a cache later frames refer to earlier ones.
 */
export class WireFormat {
  readonly settings: CodecSettings;
  /** State of the incoming direction; `FrameReader` uses it. */
  readonly decoder: Decoder;
  /** State of the outgoing direction; `FrameWriter` uses it. */
  readonly encoder: Encoder;

  constructor(settings: CodecSettings) {
    this.settings = settings;
    this.decoder = new Decoder(settings);
    this.encoder = new Encoder(settings);
  }

  /**
   * Decodes one whole frame, size prefix included. Byte fields of the result are views of `frame`.
   *
   * @throws BrokerError `BATON_PROTOCOL` with `details.position`, `BATON_FRAME_TOO_LARGE`.
   */
  decode(frame: Uint8Array): DataStructure {
    const bytes = asBuffer(frame);
    if (bytes.length < 5) throw protocolError('A frame ends in its size prefix', bytes.length);
    const size = frameSize(bytes, 0, this.settings.maxFrameSize);
    if (size !== bytes.length - 4)
      throw protocolError(`A frame is not the ${size} bytes it says`, 0);
    return this.decoder.decode(bytes, 4, bytes.length);
  }

  /**
   * Encodes one frame, size prefix included. To send many, use a `FrameWriter`.
   *
   * @throws BrokerError `BATON_FRAME_TOO_LARGE`, `BATON_INVALID_ARGUMENT`.
   */
  encode(structure: DataStructure): Uint8Array {
    const sink = new ByteSink();
    this.encoder.encode(structure, sink);
    const pieces = sink.take();
    const [only] = pieces;
    return pieces.length === 1 && only !== undefined ? only : Buffer.concat(pieces);
  }
}

/**
 * Makes the format of one connection from what was agreed; see `negotiate`.
 *
 * @throws TypeError if the settings contradict each other: a bug of the caller, never of a peer.
 */
export function createWireFormat(settings: CodecSettings): WireFormat {
  const { version, cacheEnabled, cacheSize, maxFrameSize } = settings;
  if (!Number.isInteger(version) || version < 1 || version > LATEST_VERSION) {
    throw new TypeError(`version is ${version}; it must be from 1 to ${LATEST_VERSION}`);
  }
  if (cacheEnabled && !(cacheSize >= 100 && cacheSize <= 32_767)) {
    throw new TypeError(`cacheSize is ${cacheSize}; it must be from 100 to 32767`);
  }
  if (!(maxFrameSize > 0)) throw new TypeError(`maxFrameSize is ${maxFrameSize}`);
  return new WireFormat(settings);
}

/** Reads a size prefix. @throws BrokerError `BATON_PROTOCOL`, `BATON_FRAME_TOO_LARGE`. */
export function frameSize(bytes: Buffer, position: number, sizeMax: number): number {
  const size = bytes.readInt32BE(position);
  if (size <= 0) throw protocolError(`A frame says it has ${size} bytes`, 0);
  if (size <= sizeMax) return size;
  throw new BrokerError(
    'BATON_FRAME_TOO_LARGE',
    `A frame of ${size} bytes arrived; ${sizeMax} are allowed`,
    { details: { position: 0, size, sizeMax } },
  );
}
