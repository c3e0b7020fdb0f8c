import { LAST_DELIVERED_UNKNOWN, type Broker, type Receipt } from '@batonmq/broker-core';
import { AssertionError, BrokerError, isBrokerError } from '@batonmq/model';
import type { CancelTimer, Clock, LogFields, Logger, LogLevel, Random } from '@batonmq/runtime';
import { PeerInput, type ConnectionHandler, type TransportConnection } from '@batonmq/transport';
import type { Client } from './client.ts';
import { LF, NUL } from './codec/bytes.ts';
import { ESCAPE_TABLES, type EscapeTable } from './codec/escaping.ts';
import { FrameParser } from './codec/frame-parser.ts';
import { HEADER } from './codec/header.ts';
import { Output } from './codec/output.ts';
import { RULES, type StompVersion } from './codec/version.ts';
import { execute } from './command/index.ts';
import type { Consumer } from './consumer.ts';
import { errorText, silences } from './error.ts';
import { HeartBeatMonitor, type HeartBeat, type Monitored } from './heart-beat.ts';
import type { MessageHeaders } from './message/message-headers.ts';
import { loginLimits, type StompSettings } from './options.ts';

/** How long a client may take to read why it is disconnected. */
const ERROR_CLOSE_TIMEOUT_MS = 2000;

const RECEIPT = Uint8Array.from(Buffer.from('RECEIPT\nreceipt-id:'));

/** What all peers of a protocol share. */
export interface PeerContext {
  readonly broker: Broker;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly settings: StompSettings;
  readonly messageHeaders: Readonly<Record<StompVersion, MessageHeaders>>;
  /** A connection id that no other connection has. */
  nextConnectionId(): string;
  /** The peer is over; its socket is when `socketEnded` resolves. */
  left(peer: Peer, socketEnded: Promise<void>): void;
}

/**
 * ```text
 * login --CONNECT--> checking --accepted--> open --DISCONNECT--> ending
 *   |                   |                    |                     |
 *   +-------------------+--- ERROR, socket lost, silence ----------+--> closed
 * ```
 */
type Phase = 'login' | 'checking' | 'open' | 'ending' | 'closed';

/** The names and values of a frame's headers, in order. */
export type Headers = readonly (readonly [name: string, value: string])[];

/**
 * The other end of one socket.
 *
 * Invariants: commands are executed in the order of their arrival, each before the next is cut from the
 * bytes, and none while it is being found out who the client is; nothing is executed after an ERROR or a
 * DISCONNECT; after `closed` nothing is written and the broker has been told of the client's end.
 */
export class Peer implements ConnectionHandler, Monitored {
  readonly context: PeerContext;
  readonly transport: TransportConnection;
  readonly input: PeerInput;
  readonly output = new Output();
  /** Before the login that of the oldest clients, who get errors in it. */
  version: StompVersion = '1.0';
  lastSentMs: number;
  /** Wall clock when the frames that are being executed were taken up, milliseconds. */
  arrivedAt = 0;
  readonly #parser: FrameParser;
  #phase: Phase = 'login';
  #client: Client | undefined;
  #cancelLogin: CancelTimer;
  #monitor: HeartBeatMonitor | undefined;
  /** A subscription was told that we are congested, and waits for `resume`. */
  #isHoldingBack = false;
  /** Consumers with ack mode `auto` that were given messages since the last flush. */
  #toAck: Consumer[] = [];
  #isAfterFlushPlanned = false;

  constructor(transport: TransportConnection, context: PeerContext) {
    this.transport = transport;
    this.context = context;
    const { clock, settings } = context;
    this.#parser = new FrameParser(loginLimits(settings));
    this.input = new PeerInput(transport, clock);
    this.lastSentMs = clock.now();
    this.#cancelLogin = clock.setTimer(settings.loginTimeoutMs, () => {
      const text = `The peer did not log in within ${settings.loginTimeoutMs} ms`;
      this.fail(new BrokerError('BATON_TIMEOUT', text));
    });
    transport.start(this);
  }

  // --- what the socket tells us

  received(chunk: Uint8Array): void {
    this.input.received();
    const tooMuch = this.#phase === 'checking' && this.input.receivedDuringLogin(chunk.length);
    if (tooMuch) this.abort(tooMuch);
    if (this.#phase === 'ending' || this.#phase === 'closed') return;
    this.#parser.push(chunk);
    this.#guard(this.#executeAll);
  }

  readonly #executeAll = (): void => {
    this.arrivedAt = this.context.clock.wallTime();
    // A command may end the connection, or have to be waited for; whatever follows it stays.
    while (this.#isListening) {
      const frame = this.#parser.next();
      if (frame === undefined) break;
      execute(this, frame);
    }
    this.input.pauseUnread();
  };

  #guard(run: () => void): void {
    try {
      run();
    } catch (error) {
      // A failed assertion means that the broker's own state is wrong: that must stop it.
      if (error instanceof AssertionError) throw error;
      const receiptId = this.#parser.frame.rawText(HEADER.receipt);
      this.fail(isBrokerError(error) ? error : unforeseen(error), receiptId);
    }
  }

  take(): readonly Uint8Array[] {
    this.lastSentMs = this.context.clock.now();
    const pieces = this.output.take();
    // Once these are with the socket, `isCongested` tells whether there is room for more.
    if (this.#isHoldingBack || this.#toAck.length > 0) this.#planAfterFlush();
    return pieces;
  }

  drained(): void {
    this.input.drained();
    this.#afterFlush();
  }

  closed(error?: Error): void {
    if (error && this.#phase !== 'closed') this.log('info', 'connection lost', { error });
    this.#end();
  }

  // --- what we tell the peer

  /** Something was added to the output: it leaves at the end of this turn. */
  written(): void {
    this.transport.requestFlush();
  }

  /** Adds a frame without a body. */
  writeFrame(command: string, headers: Headers): void {
    this.#writeFrame(command, headers, '', ESCAPE_TABLES[this.version]);
  }

  /** CONNECTED is never escaped. */
  writeConnected(headers: Headers): void {
    this.#writeFrame('CONNECTED', headers, '', ESCAPE_TABLES['1.0']);
  }

  /** @param beginning - The command; lines behind it are headers that are written as they are. */
  #writeFrame(beginning: string, headers: Headers, body: string, table: EscapeTable): void {
    if (this.#phase === 'closed') return;
    const bytes = Buffer.from(body, 'utf8');
    const sink = this.output.sink(bytes.length);
    sink.latin1(beginning);
    sink.byte(LF);
    for (const [name, value] of headers) {
      sink.latin1(name);
      sink.latin1(':');
      sink.escapedText(value, table);
      sink.byte(LF);
    }
    sink.byte(LF);
    this.output.body(bytes);
    sink.byte(NUL);
    sink.byte(LF);
    this.written();
  }

  /** @param receiptId - As the client wrote it, a character for each byte. */
  writeReceipt(receiptId: string): void {
    if (this.#phase === 'closed') return;
    const sink = this.output.sink(RECEIPT.length + receiptId.length + 4);
    sink.bytes(RECEIPT);
    sink.latin1(receiptId);
    sink.byte(LF);
    sink.byte(LF);
    sink.byte(NUL);
    sink.byte(LF);
    this.written();
  }

  /**
   * Tells what went wrong and disconnects, as the protocol wants it after every ERROR.
   *
   * @param receiptId - Of the frame that it is about, as the client wrote it: escaped already.
   */
  fail(error: BrokerError, receiptId?: string, extraHeaders: Headers = []): void {
    if (this.#phase === 'closed') return;
    if (silences(error)) {
      this.abort(error);
      return;
    }
    this.log('info', 'client refused', { code: error.code, reason: error.message });
    const text = errorText(error);
    const headers: Headers = [
      ['message', text],
      ['content-type', 'text/plain'],
      ['content-length', String(Buffer.byteLength(text))],
      ...extraHeaders,
    ];
    this.#writeFrame(
      receiptId === undefined ? 'ERROR' : `ERROR\nreceipt-id:${receiptId}`,
      headers,
      text,
      ESCAPE_TABLES[this.version],
    );
    void this.close(ERROR_CLOSE_TIMEOUT_MS);
  }

  // --- login

  /**
   * It is being found out who the client is: what it sent behind its CONNECT waits until `proceed` has been
   * called with the answer. It is not called if the peer is gone by then.
   *
   * @param proceed - May throw as a command may.
   */
  check<T>(identity: Promise<T>, proceed: (identity: T) => void): void {
    this.#phase = 'checking';
    this.input.loginBegins();
    const settled = (run: () => void): void => {
      if (this.#phase === 'checking') {
        this.#phase = 'login';
        this.#guard(run);
        this.#guard(this.#executeAll);
      }
      this.input.resume();
    };
    identity.then(
      (found) => {
        settled(() => {
          proceed(found);
        });
      },
      (error: unknown) => {
        settled(() => {
          throw error;
        });
      },
    );
  }

  /** `CONNECT` was accepted. */
  login(client: Client, version: StompVersion, heartBeat: HeartBeat): void {
    const { settings, clock } = this.context;
    this.#cancelLogin();
    this.transport.peerLoggedIn?.();
    this.#phase = 'open';
    this.#client = client;
    this.version = version;
    this.#parser.agree(RULES[version], settings);
    const { hbGracePeriodMultiplier } = settings;
    this.#monitor = new HeartBeatMonitor(clock, this, heartBeat, hbGracePeriodMultiplier);
  }

  /** Undefined before the login. */
  get client(): Client | undefined {
    return this.#client;
  }

  sendHeartBeat(): void {
    this.output.sink(1).byte(LF);
    this.written();
  }

  get lastReceivedMs(): number {
    return this.input.lastReceivedMs;
  }

  peerIsSilent(silentMs: number): void {
    this.abort(new BrokerError('BATON_TIMEOUT', `Nothing arrived for ${silentMs} ms`));
  }

  // --- flow

  /** True while consumers are to get no more; asking obliges us to call their `resume` later. */
  get isCongested(): boolean {
    const isCongested =
      this.transport.isCongested || this.output.byteLength > this.context.settings.outputBytesMax;
    if (isCongested) this.#isHoldingBack = true;
    return isCongested;
  }

  /** A consumer with ack mode `auto` was given a message: it counts as consumed once the socket has it. */
  acksAfterFlush(consumer: Consumer): void {
    this.#toAck.push(consumer);
  }

  #planAfterFlush(): void {
    if (this.#isAfterFlushPlanned) return;
    this.#isAfterFlushPlanned = true;
    this.context.clock.setImmediate(this.#afterFlush);
  }

  readonly #afterFlush = (): void => {
    this.#isAfterFlushPlanned = false;
    if (this.transport.isCongested || !this.#isOpen) return;
    const toAck = this.#toAck;
    this.#toAck = [];
    for (const consumer of toAck) consumer.ackDelivered();
    if (!this.#isHoldingBack) return;
    this.#isHoldingBack = false;
    for (const consumer of this.#client?.consumers() ?? []) consumer.subscription.resume();
  };

  // --- the end

  get #isOpen(): boolean {
    return this.#phase === 'open' || this.#phase === 'ending';
  }

  /** Its commands are executed. */
  get #isListening(): boolean {
    return this.#phase === 'login' || this.#phase === 'open';
  }

  /** The client said good-bye: nothing more is heard from it, and `receipt` may still be on its way. */
  stopListening(): void {
    this.#phase = 'ending';
  }

  /** Closes at once because of `reason`: a lost lease, a silent peer. */
  abort(reason: BrokerError): void {
    if (this.#phase === 'closed') return;
    this.log('warn', 'connection closed', { error: reason });
    this.transport.destroy(reason);
    this.#end();
  }

  /** Sends what is written, then closes in order. */
  async close(timeoutMs?: number): Promise<void> {
    // What was written still reaches the client, so it counts as consumed.
    for (const consumer of this.#client?.consumers() ?? []) consumer.ackDelivered();
    const ended = this.transport.close(timeoutMs === undefined ? {} : { timeoutMs });
    this.#end(ended);
    await ended;
  }

  #end(socketEnded = Promise.resolve()): void {
    if (this.#phase === 'closed') return;
    this.#phase = 'closed';
    this.#cancelLogin();
    this.#monitor?.stop();
    this.#client?.connection.close(LAST_DELIVERED_UNKNOWN);
    this.context.left(this, socketEnded);
  }

  log(level: LogLevel, message: string, fields: LogFields = {}): void {
    const client = this.#client;
    this.context.logger.log(level, message, {
      remoteAddress: this.transport.remoteAddress,
      ...(client && { connectionId: client.connection.connectionId }),
      ...fields,
    });
  }
}

/** Answers a frame with a `receipt` header when the broker has settled it. */
export class FrameReceipt implements Receipt {
  readonly #peer: Peer;
  readonly #receiptId: string;

  /** @param receiptId - As the client wrote it. */
  constructor(peer: Peer, receiptId: string) {
    this.#peer = peer;
    this.#receiptId = receiptId;
  }

  settled(error?: BrokerError): void {
    if (error === undefined) this.#peer.writeReceipt(this.#receiptId);
    else this.#peer.fail(error, this.#receiptId);
  }
}

/** A fault of ours that one peer's bytes brought about must cost no other peer its connection. */
function unforeseen(cause: unknown): BrokerError {
  return new BrokerError('BATON_PROTOCOL', 'A command could not be handled', { cause });
}
