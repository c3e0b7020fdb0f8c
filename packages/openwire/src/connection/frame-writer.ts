import { BrokerError } from '@batonmq/model';
import { ByteSink } from '../codec/byte-sink.ts';
import type { Command } from '../structure/commands.ts';
import { Encoder } from '../codec/encoder.ts';
import { INITIAL_SETTINGS } from '../codec/settings.ts';
import type { WireFormat } from '../codec/wire-format.ts';

/**
 * Encodes the commands of one direction of a connection and gathers their frames, so that a socket
 * is written to once per turn of the event loop.
 *
 * Until {@link start} it writes nothing but a `WireFormatInfo`.
 */
export class FrameWriter {
  #encoder = new Encoder(INITIAL_SETTINGS);
  #isStarted = false;
  readonly #sink = new ByteSink();

  /** Goes on in the agreed format. The `WireFormatInfo` must have been written before. */
  start(format: WireFormat): void {
    this.#encoder = format.encoder;
    this.#isStarted = true;
  }

  /**
   * Adds the frame of a command. Byte fields of 4 KiB and more are not copied: they must not change
   * until the bytes taken have left the process.
   *
   * @throws BrokerError `BATON_FRAME_TOO_LARGE` if the frame exceeds what the peer allows,
   *   `BATON_INVALID_ARGUMENT` if a value does not fit its field or the agreed version has no such
   *   command. Nothing of the command is written then, and the writer remains usable.
   */
  write(command: Command): void {
    if ((command.type === 'WireFormatInfo') === this.#isStarted) {
      throw new BrokerError(
        'BATON_INVALID_STATE',
        `A ${command.type} cannot be written ${this.#isStarted ? 'after' : 'before'} negotiation`,
      );
    }
    this.#encoder.encode(command, this.#sink);
  }

  /** Bytes written and not taken yet. */
  get byteLength(): number {
    return this.#sink.byteLength;
  }

  /**
   * Lets go of memory that was meant for the next frames. For a connection that has sent nothing for a
   * while: without it each keep-alive brings its blocks closer to the size that busy ones need.
   */
  rest(): void {
    this.#sink.rest();
  }

  /** Hands over the bytes written since the last call, in order. The writer never touches them again. */
  take(): Uint8Array[] {
    return this.#sink.take();
  }
}
