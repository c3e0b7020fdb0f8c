import { BrokerError } from '@batonmq/model';
import type { TransportConnection } from './connection.ts';

/**
 * Bytes of replies that may wait for a peer to read them; beyond, nothing more is read from it.
 * Deliveries stop far below. Smaller would stop clients that pipeline many commands before they
 * read; larger is memory that one client can take.
 */
const UNREAD_BYTES_MAX = 16 * 1024 * 1024;

/**
 * Bytes that may still arrive while a login is being checked, after we stopped reading: what the
 * transport had read already. A peer that gets more than that to us is cut off.
 */
const BYTES_DURING_LOGIN_MAX = 1024 * 1024;

/** A peer's input: whether it is read, when some came last, and how much of it may wait. */
export class PeerInput {
  readonly #transport: TransportConnection;
  readonly #clock: { now(): number };
  #lastReceivedMs: number;
  #pauseCount = 0;
  #bytesDuringLogin = 0;
  /** Its replies are not being read, so its commands are not either. */
  #isWaitingForReader = false;

  /** @param clock - Tells monotonic milliseconds. */
  constructor(transport: TransportConnection, clock: { now(): number }) {
    this.#transport = transport;
    this.#clock = clock;
    this.#lastReceivedMs = clock.now();
  }

  /** When something arrived last; now, while nothing can because its socket is not read. */
  get lastReceivedMs(): number {
    return this.#pauseCount > 0 ? this.#clock.now() : this.#lastReceivedMs;
  }

  received(): void {
    this.#lastReceivedMs = this.#clock.now();
  }

  /** Stops reading; each call needs its own {@link resume}. */
  pause(): void {
    this.#pauseCount += 1;
    this.#transport.pause();
  }

  resume(): void {
    this.#pauseCount -= 1;
    this.#transport.resume();
    // What it sent meanwhile is still to be read, so it was not silent.
    this.#lastReceivedMs = this.#clock.now();
  }

  /** Its commands are carried out: stops reading while it does not read what they are answered. */
  pauseUnread(): void {
    const { isCongested, bufferedBytes } = this.#transport;
    if (this.#isWaitingForReader || !isCongested || bufferedBytes < UNREAD_BYTES_MAX) return;
    this.#isWaitingForReader = true;
    this.pause();
  }

  /** The transport is not congested any more. */
  drained(): void {
    if (!this.#isWaitingForReader) return;
    this.#isWaitingForReader = false;
    this.resume();
  }

  /** It is being found out who the peer is: {@link receivedDuringLogin} counts from now. */
  loginBegins(): void {
    this.#bytesDuringLogin = 0;
    this.pause();
  }

  /** Bytes arrived meanwhile. Returns why the peer must be cut off if they are too many. */
  receivedDuringLogin(byteCount: number): BrokerError | undefined {
    this.#bytesDuringLogin += byteCount;
    if (this.#bytesDuringLogin <= BYTES_DURING_LOGIN_MAX) return undefined;
    return new BrokerError(
      'BATON_LIMIT',
      `More than ${BYTES_DURING_LOGIN_MAX} bytes arrived during the login of a client`,
    );
  }
}
