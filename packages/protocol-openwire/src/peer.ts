import type { Broker, Receipt } from '@batonmq/broker-core';
import { AssertionError, BrokerError } from '@batonmq/model';
import type { CancelTimer, Clock, Logger, LogFields, LogLevel } from '@batonmq/runtime';
import {
  checkInactivity,
  createWireFormat,
  FrameReader,
  FrameWriter,
  negotiate,
  type Command,
  type CommandHeader,
  type Throwable,
  type WireFormatInfo,
  type WireFormatSettings,
} from '@batonmq/openwire';
import { LAST_DELIVERED_UNKNOWN } from '@batonmq/broker-core';
import { PeerInput, type ConnectionHandler, type TransportConnection } from '@batonmq/transport';
import type { Advisories } from './advisory/advisories.ts';
import { unregistered, type Client } from './client.ts';
import { execute } from './command/index.ts';
import { silences, tellable, throwable } from './exception.ts';
import { ProducerIds } from './identity.ts';
import type { OpenWireSettings } from './options.ts';

/** How long a peer that was refused may take to read why, if it does not go by itself. */
const REFUSED_CLOSE_DELAY_MS = 1000;

const NOTHING = new Uint8Array(0);

/** What all peers of a protocol share. */
export interface PeerContext {
  readonly broker: Broker;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly settings: OpenWireSettings;
  /** The first frame we send. */
  readonly preferences: WireFormatInfo;
  readonly advisories: Advisories;
  /** The peer is over; its socket is when `socketEnded` resolves. */
  left(peer: Peer, socketEnded: Promise<void>): void;
}

/**
 * ```text
 * negotiating --WireFormatInfo--> login --ConnectionInfo accepted--> open
 *      |                            |                                 |
 *      |                            +------ ConnectionInfo refused ---+--> refused
 *      |                            |                                 |       |
 *      +----------------------------+--------- close, socket lost ----+-------+--> closed
 * ```
 */
type Phase = 'negotiating' | 'login' | 'open' | 'refused' | 'closed';

/**
 * The other end of one socket.
 *
 * Invariants: nothing but our `WireFormatInfo` is written before the peer's has arrived; commands
 * are executed in the order of their arrival, each before the next is decoded, and none while it is
 * being found out who a client is; after `refused` nothing is executed; after `closed` nothing is
 * written and the broker has been told of every client's end.
 */
export class Peer implements ConnectionHandler {
  readonly context: PeerContext;
  readonly transport: TransportConnection;
  readonly input: PeerInput;
  readonly ids = new ProducerIds();
  readonly #reader = new FrameReader();
  readonly #writer = new FrameWriter();
  readonly #clients = new Map<string, Client>();
  #phase: Phase = 'negotiating';
  #format: WireFormatSettings | undefined;
  #cancelLogin: CancelTimer;
  #cancelMonitor: CancelTimer | undefined;
  #cancelRefused: CancelTimer | undefined;
  #lastSentMs: number;
  /** Commands wait until it is known who a client is. */
  #isLoggingIn = false;
  /** A subscription was told that we are congested, and waits for `resume`. */
  #isHoldingBack = false;

  constructor(transport: TransportConnection, context: PeerContext) {
    this.transport = transport;
    this.context = context;
    const { clock, settings } = context;
    this.input = new PeerInput(transport, clock);
    this.#lastSentMs = clock.now();
    this.#cancelLogin = clock.setTimer(settings.loginTimeoutMs, () => {
      this.abort(
        new BrokerError(
          'BATON_TIMEOUT',
          `The peer did not log in within ${settings.loginTimeoutMs} ms`,
        ),
      );
    });
    transport.start(this);
    this.write(context.preferences);
  }

  // --- what the socket tells us

  received(chunk: Uint8Array): void {
    this.input.received();
    if (this.#isOver) return;
    const commands = this.#reader.push(chunk);
    if (!this.#isLoggingIn) this.#executeAll(commands);
    else {
      const tooMuch = this.input.receivedDuringLogin(chunk.length);
      if (tooMuch !== undefined) this.abort(tooMuch);
    }
  }

  #executeAll(commands: Iterable<Command>): void {
    this.#guard(() => {
      for (const command of commands) {
        execute(this, command);
        // A command may close the connection; whatever follows it is not for us.
        if (this.#isOver) return;
        // What follows comes first when commands are asked for again.
        if (this.#isLoggingIn) return;
      }
      this.input.pauseUnread();
    });
  }

  #guard(run: () => void): void {
    try {
      run();
    } catch (error) {
      // A failed assertion means that the broker's own state is wrong: that must stop it.
      if (error instanceof AssertionError) throw error;
      this.abort(tellable(error) ?? unforeseen(error));
    }
  }

  take(): readonly Uint8Array[] {
    this.#lastSentMs = this.context.clock.now();
    const pieces = this.#writer.take();
    // Once these are with the socket, `isCongested` tells whether there is room for more.
    if (this.#isHoldingBack) this.context.clock.setImmediate(this.#resumeConsumers);
    return pieces;
  }

  drained(): void {
    this.input.drained();
    this.#resumeConsumers();
  }

  closed(error?: Error): void {
    if (error && this.#phase !== 'closed') this.log('info', 'connection lost', { error });
    this.#end(LAST_DELIVERED_UNKNOWN);
  }

  // --- what we tell the peer

  /**
   * Adds a command to what leaves at the end of this turn.
   *
   * @throws as `FrameWriter.write`; nothing is sent then.
   */
  write(command: Command): void {
    if (this.#phase === 'closed') return;
    this.#writer.write(command);
    this.transport.requestFlush();
  }

  /** The plain positive reply, if the command wants one. */
  succeed(command: CommandHeader): void {
    if (command.responseRequired) this.respond(command.commandId);
  }

  respond(correlationId: number): void {
    this.write({ type: 'Response', commandId: 0, responseRequired: false, correlationId });
  }

  respondWithInteger(correlationId: number, result: number): void {
    const header = { commandId: 0, responseRequired: false } as const;
    this.write({ type: 'IntegerResponse', ...header, correlationId, result });
  }

  /** The negative reply; for a command without a reply, a `ConnectionError`. */
  fail(command: CommandHeader, error: BrokerError, exception = throwable(error)): void {
    if (silences(error)) this.abort(error);
    else if (command.responseRequired) this.#respondWithException(command.commandId, exception);
    else this.#reportFailure(error, exception);
  }

  /** A command that nobody waits for has failed. */
  failAsync(error: BrokerError): void {
    if (silences(error)) this.abort(error);
    else this.#reportFailure(error, throwable(error));
  }

  #respondWithException(correlationId: number, exception: Throwable): void {
    const header = { commandId: 0, responseRequired: false } as const;
    this.write({ type: 'ExceptionResponse', ...header, correlationId, exception });
  }

  #reportFailure(error: BrokerError, exception: Throwable): void {
    this.log('warn', 'a command without a reply failed', { error });
    if (this.#phase !== 'login' && this.#phase !== 'open') return;
    const header = { commandId: 0, responseRequired: false, connectionId: null } as const;
    this.write({ type: 'ConnectionError', ...header, exception });
  }

  /** A receipt that answers `command` with how it ended; none if no reply is wanted, failures then come through `failAsync`. */
  receipt(command: CommandHeader): Receipt | undefined {
    if (!command.responseRequired) return undefined;
    const { commandId, responseRequired } = command;
    return {
      settled: (error?: BrokerError): void => {
        if (error) this.fail({ commandId, responseRequired }, error);
        else this.respond(commandId);
      },
    };
  }

  // --- negotiation and login

  /** The peer's preferences are here: from now on both sides speak the agreed format. */
  agree(theirs: WireFormatInfo): void {
    const agreed = negotiate(this.context.preferences, theirs);
    const format = createWireFormat(agreed);
    this.#format = agreed;
    this.#reader.start(format);
    this.#reader.limitFrames(this.context.settings.loginFrameBytesMax);
    this.#writer.start(format);
    this.#phase = 'login';
    this.#monitor(this.context.clock.now(), this.context.clock.now());
  }

  /**
   * It is being found out who a client is: the commands behind its `ConnectionInfo` wait until it was
   * added or refused by what is called with the outcome. Neither is called if the peer is gone by then.
   */
  logIn<T>(
    identity: Promise<T>,
    succeeded: (identity: T) => void,
    failed: (error: unknown) => void,
  ): void {
    this.#isLoggingIn = true;
    this.input.loginBegins();
    const proceed = (tell: () => void): void => {
      this.#isLoggingIn = false;
      if (!this.#isOver) this.#guard(tell);
      if (!this.#isOver) this.#executeAll(this.#reader.push(NOTHING));
      this.input.resume();
    };
    identity.then(
      (found) => {
        proceed(() => {
          succeeded(found);
        });
      },
      (error: unknown) => {
        proceed(() => {
          failed(error);
        });
      },
    );
  }

  /** A client was not let in, and knows why: nothing more is taken from this peer. */
  refuse(): void {
    if (this.#isOver) return;
    this.#phase = 'refused';
    this.#cancelLogin();
    this.#removeClients(LAST_DELIVERED_UNKNOWN);
    // At once would be too soon: what it sent and we do not read would take the answer away from it.
    this.#cancelRefused = this.context.clock.setTimer(REFUSED_CLOSE_DELAY_MS, () => {
      void this.close();
    });
  }

  /** `ConnectionInfo` was accepted. */
  addClient(client: Client): void {
    this.#cancelLogin();
    this.#reader.limitFrames(Infinity);
    this.transport.peerLoggedIn?.();
    this.#phase = 'open';
    this.#clients.set(client.id, client);
  }

  /** Undefined if the connection id was not announced here. */
  findClient(id: string | null | undefined): Client | undefined {
    return this.#clients.get(id ?? '');
  }

  /** @throws `BATON_INVALID_STATE` if the connection id was not announced here. */
  client(id: string | null | undefined): Client {
    const client = this.findClient(id);
    if (client) return client;
    throw unregistered(`The connection ${id ?? ''} had not been registered`);
  }

  removeClient(client: Client, lastDelivered: number): void {
    this.#clients.delete(client.id);
    client.connection.close(lastDelivered);
    client.release();
    for (const { info } of client.producers()) this.context.advisories.producerRemoved(info);
  }

  // --- flow

  /** True while consumers are to get no more; asking obliges us to call their `resume` later. */
  get isCongested(): boolean {
    const isCongested =
      this.transport.isCongested || this.#writer.byteLength > this.context.settings.outputBytesMax;
    if (isCongested) this.#isHoldingBack = true;
    return isCongested;
  }

  readonly #resumeConsumers = (): void => {
    if (!this.#isHoldingBack || this.transport.isCongested || this.#phase === 'closed') return;
    this.#isHoldingBack = false;
    for (const client of this.#clients.values()) {
      for (const consumer of client.consumers()) consumer.subscription.resume();
    }
  };

  /** Sends a keep-alive where nothing was sent, and gives up a peer that sends nothing. */
  #monitor(startedMs: number, lastCheckMs: number): void {
    const format = this.#format;
    if (format === undefined || this.#phase === 'closed') return;
    const now = this.context.clock.now();
    const times = {
      startedMs,
      lastCheckMs,
      lastReceivedMs: this.input.lastReceivedMs,
      lastSentMs: this.#lastSentMs,
    };
    const { action, nextCheckMs } = checkInactivity(format, times, now);
    if (action === 'peer-silent') {
      const silentMs = format.maxInactivityDurationMs;
      this.abort(new BrokerError('BATON_TIMEOUT', `Nothing arrived for ${silentMs} ms`));
      return;
    }
    if (action === 'send-keep-alive') {
      // Nothing was sent for a while.
      this.#writer.rest();
      this.write({ type: 'KeepAliveInfo', commandId: 0, responseRequired: false });
    }
    if (nextCheckMs === Infinity) return;
    this.#cancelMonitor = this.context.clock.setTimer(nextCheckMs - now, () => {
      this.#monitor(startedMs, now);
    });
  }

  // --- the end

  /** Closes at once because of `reason`: a protocol error, a lost lease, a silent peer. */
  abort(reason: BrokerError): void {
    if (this.#phase === 'closed') return;
    this.log('warn', 'connection closed', { error: reason });
    this.transport.destroy(reason);
    this.#end(LAST_DELIVERED_UNKNOWN);
  }

  /** Sends what is written, then closes in order. */
  async close(timeoutMs?: number): Promise<void> {
    const ended = this.transport.close(timeoutMs === undefined ? {} : { timeoutMs });
    this.#end(LAST_DELIVERED_UNKNOWN, ended);
    await ended;
  }

  /** Says good-bye first; for a broker that stops. */
  async shutDown(timeoutMs?: number): Promise<void> {
    if (this.#phase === 'login' || this.#phase === 'open') {
      this.write({ type: 'ShutdownInfo', commandId: 0, responseRequired: false });
    }
    await this.close(timeoutMs);
  }

  #end(lastDelivered: number, socketEnded = Promise.resolve()): void {
    if (this.#phase === 'closed') return;
    this.#phase = 'closed';
    this.#cancelLogin();
    this.#cancelMonitor?.();
    this.#cancelRefused?.();
    this.#removeClients(lastDelivered);
    this.context.left(this, socketEnded);
  }

  #removeClients(lastDelivered: number): void {
    for (const client of [...this.#clients.values()]) this.removeClient(client, lastDelivered);
  }

  /** True if no command of it is executed any more. */
  get #isOver(): boolean {
    return this.#phase === 'closed' || this.#phase === 'refused';
  }

  log(level: LogLevel, message: string, fields: LogFields = {}): void {
    const [client] = this.#clients.values();
    this.context.logger.log(level, message, {
      remoteAddress: this.transport.remoteAddress,
      ...(client && { connectionId: client.id }),
      ...fields,
    });
  }
}

/** A fault of ours that one peer's bytes brought about must cost no other peer its connection. */
function unforeseen(cause: unknown): BrokerError {
  return new BrokerError('BATON_PROTOCOL', 'A command could not be handled', { cause });
}
