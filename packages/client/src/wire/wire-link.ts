import { BrokerError } from '@batonmq/model';
import {
  checkInactivity,
  command,
  createWireFormat,
  FrameReader,
  FrameWriter,
  negotiate,
  preferredWireFormatInfo,
  readPreferences,
  type Command,
  type WireFormatInfo,
  type WireFormatOptions,
  type WireFormatSettings,
} from '@batonmq/openwire';
import type { CancelTimer, Clock } from '@batonmq/runtime';
import { dial, type DialOptions, type TransportConnection } from '@batonmq/transport';
import { asError } from '../errors.ts';

/** Who uses a link. Calls never overlap. */
export interface WireLinkOwner {
  received(command: Command): void;
  /** The link is about to write: the last moment to add commands to this turn's write. */
  beforeFlush(): void;
  /** The socket takes bytes again after `isCongested`. */
  drained(): void;
}

export interface WireLinkOptions {
  readonly wireFormat: WireFormatOptions;
  readonly dial: DialOptions;
  /** For connecting and negotiating together. */
  readonly timeoutMs: number;
}

/** Commands kept for an owner who has not taken the link over yet; a broker sends two or three. */
const EARLY_COMMANDS_MAX = 64;

/**
 * One connection to one broker, from the agreed wire format on: commands in, commands out, one
 * socket write per turn, and both ends noticing when the other falls silent.
 */
export class WireLink {
  readonly uri: string;
  readonly settings: WireFormatSettings;
  /** What the broker calls itself: `BatonMQ`, `ActiveMQ`; empty if it does not say. */
  readonly providerName: string;
  readonly #connection: TransportConnection;
  readonly #clock: Clock;
  readonly #writer: FrameWriter;
  readonly #early: Command[] = [];
  readonly #startedMs: number;
  #owner: WireLinkOwner | undefined;
  #isClosed = false;
  #error: Error | undefined;
  readonly #onClosed: ((error: Error | undefined) => void)[] = [];
  #lastReceivedMs: number;
  #lastSentMs: number;
  #lastCheckMs: number;
  #cancelCheck: CancelTimer | undefined;

  /** Use {@link openWireLink}. */
  constructor(
    uri: string,
    connection: TransportConnection,
    peer: { readonly settings: WireFormatSettings; readonly providerName: string },
    writer: FrameWriter,
    clock: Clock,
  ) {
    this.uri = uri;
    this.settings = peer.settings;
    this.providerName = peer.providerName;
    this.#connection = connection;
    this.#clock = clock;
    this.#writer = writer;
    const now = clock.now();
    this.#startedMs = now;
    this.#lastReceivedMs = now;
    this.#lastSentMs = now;
    this.#lastCheckMs = now;
    this.#checkInactivity();
  }

  /** True if more was written than the socket takes for now; wait for `drained`. */
  get isCongested(): boolean {
    return this.#connection.isCongested;
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** Hands the link to its owner, with what has arrived meanwhile. */
  start(owner: WireLinkOwner): void {
    this.#owner = owner;
    for (const early of this.#early.splice(0)) owner.received(early);
  }

  /** Calls `closed` once, however the link ends; without an error after an orderly end. */
  onClosed(closed: (error: Error | undefined) => void): void {
    if (this.#isClosed) closed(this.#error);
    else this.#onClosed.push(closed);
  }

  /**
   * Adds a command to this turn's write.
   *
   * @throws BrokerError `BATON_FRAME_TOO_LARGE`, `BATON_INVALID_ARGUMENT`; nothing was written then.
   */
  write(outgoing: Command): void {
    if (this.#isClosed) return;
    this.#writer.write(outgoing);
    this.#connection.requestFlush();
  }

  /** Asks for a flush, and with it for `beforeFlush`. */
  requestFlush(): void {
    this.#connection.requestFlush();
  }

  async close(): Promise<void> {
    await this.#connection.close();
  }

  destroy(error?: Error): void {
    this.#connection.destroy(error);
  }

  /** For the opener: what the socket says. */
  socketReceived(): void {
    this.#lastReceivedMs = this.#clock.now();
  }

  commandReceived(incoming: Command): void {
    if (incoming.type === 'KeepAliveInfo') {
      if (incoming.responseRequired) {
        this.write(command('KeepAliveInfo', { commandId: incoming.commandId }));
      }
    } else if (this.#owner !== undefined) this.#owner.received(incoming);
    else if (this.#early.push(incoming) > EARLY_COMMANDS_MAX) {
      this.destroy(new BrokerError('BATON_PROTOCOL', `${this.uri} talks before it is talked to`));
    }
  }

  socketDrained(): void {
    this.#owner?.drained();
  }

  socketClosed(error: Error | undefined): void {
    this.#isClosed = true;
    this.#error = error;
    this.#cancelCheck?.();
    for (const closed of this.#onClosed.splice(0)) closed(error);
  }

  takeOutput(): readonly Uint8Array[] {
    this.#owner?.beforeFlush();
    if (this.#writer.byteLength > 0) this.#lastSentMs = this.#clock.now();
    return this.#writer.take();
  }

  #checkInactivity(): void {
    const now = this.#clock.now();
    const verdict = checkInactivity(
      this.settings,
      {
        startedMs: this.#startedMs,
        lastReceivedMs: this.#lastReceivedMs,
        lastSentMs: this.#lastSentMs,
        lastCheckMs: this.#lastCheckMs,
      },
      now,
    );
    this.#lastCheckMs = now;
    if (verdict.action === 'peer-silent') {
      const silentMs = Math.round(now - this.#lastReceivedMs);
      this.destroy(
        new BrokerError('BATON_DISCONNECTED', `${this.uri} was silent for ${silentMs} ms`),
      );
      return;
    }
    if (verdict.action === 'send-keep-alive') this.write(command('KeepAliveInfo'));
    if (verdict.nextCheckMs === Infinity) return;
    this.#cancelCheck = this.#clock.setTimer(Math.max(1, verdict.nextCheckMs - now), () => {
      this.#checkInactivity();
    });
  }
}

/**
 * Dials a broker and agrees on the wire format.
 *
 * @throws BrokerError `BATON_DISCONNECTED`, `BATON_TIMEOUT`, `BATON_ABORTED`, `BATON_PROTOCOL`.
 */
export async function openWireLink(
  uri: string,
  options: WireLinkOptions,
  clock: Clock,
  signal: AbortSignal,
): Promise<WireLink> {
  const started = clock.now();
  const ours = preferredWireFormatInfo({ host: hostOf(uri), ...options.wireFormat });
  const connection = await dial(uri, { ...options.dial, timeoutMs: options.timeoutMs, signal });
  return new Promise<WireLink>((resolve, reject) => {
    const writer = new FrameWriter();
    const reader = new FrameReader();
    let link: WireLink | undefined;
    const fail = (error: Error): void => {
      connection.destroy(error);
    };
    const agreed = (theirs: WireFormatInfo): WireLink => {
      const settings = negotiate(ours, theirs);
      const providerName = readPreferences(theirs).providerName ?? '';
      const format = createWireFormat(settings);
      reader.start(format);
      writer.start(format);
      cancel();
      signal.removeEventListener('abort', aborted);
      const opened = new WireLink(uri, connection, { settings, providerName }, writer, clock);
      resolve(opened);
      return opened;
    };
    const aborted = (): void => {
      fail(new BrokerError('BATON_ABORTED', `Connecting to ${uri} was aborted`));
    };
    const left = Math.max(1, options.timeoutMs - (clock.now() - started));
    const cancel = clock.setTimer(left, () => {
      fail(
        new BrokerError('BATON_TIMEOUT', `${uri} did not negotiate within ${options.timeoutMs} ms`),
      );
    });
    signal.addEventListener('abort', aborted, { once: true });
    connection.start({
      take: () => link?.takeOutput() ?? writer.take(),
      received: (chunk) => {
        try {
          link?.socketReceived();
          for (const incoming of reader.push(chunk)) {
            if (link !== undefined) link.commandReceived(incoming);
            else if (incoming.type === 'WireFormatInfo') link = agreed(incoming);
          }
        } catch (thrown) {
          fail(asError(thrown));
        }
      },
      drained: () => link?.socketDrained(),
      closed: (error) => {
        cancel();
        signal.removeEventListener('abort', aborted);
        link?.socketClosed(error);
        reject(
          error ?? new BrokerError('BATON_DISCONNECTED', `${uri} closed the connection at once`),
        );
      },
    });
    writer.write(ours);
    connection.requestFlush();
    if (signal.aborted) aborted();
  });
}

function hostOf(uri: string): string {
  return /^[a-z]+:\/\/(\[[^\]]*\]|[^:/?#]*)/i.exec(uri)?.[1] ?? '';
}
