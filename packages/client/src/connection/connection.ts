import { BrokerError, isQueue, type Destination } from '@batonmq/model';
import { command, type BrokerInfo, type Command, type LocalTransactionId } from '@batonmq/openwire';
import type { RuntimeComponents } from '@batonmq/runtime';
import type { ClientSettings } from '../client-settings.ts';
import { Consumer, type ConsumerOptions } from '../consumer/consumer.ts';
import { waitFor, type CallOptions } from '../deadline.ts';
import { closedError, lookedAfter, remoteError } from '../errors.ts';
import { ConnectionEvents, type ConnectionEvent, type ConnectionEventType } from '../events.ts';
import { FailoverLink, shownUri } from '../failover/failover-link.ts';
import type { ReconnectNews } from '../failover/reconnect-state.ts';
import type { Sendable } from '../message/outgoing-message.ts';
import type { ReceivedMessage } from '../message/received-message.ts';
import {
  toDestination,
  toWireDestination,
  type DestinationLike,
} from '../message/wire-destination.ts';
import type { Producer, ProducerOptions, SendOptions } from '../producer/producer.ts';
import { SendWindow } from '../producer/send-window.ts';
import { Session, type SessionContext, type SessionOptions } from '../session/session.ts';
import type { WireLink } from '../wire/wire-link.ts';
import { Browser, type BrowseOptions } from './browse.ts';
import { Channel, type OutgoingCommand, type ReplayCommand } from './channel.ts';
import { askOutcome } from './commit-outcome.ts';
import { consumerId, makeConsumer, makeProducer, type EndpointContext } from './endpoints.ts';
import { request, type RequestOptions } from './requests.ts';
import { RequestReply } from './request-reply.ts';
import { TemporaryDestinations } from './temporary-destinations.ts';

/** How a connection stands at the moment. */
export interface ConnectionStatus {
  readonly state: 'connecting' | 'connected' | 'interrupted' | 'failed' | 'closed';
  /** The broker in use, without options. */
  readonly uri: string | undefined;
  readonly brokerName: string | undefined;
  /** Passes over the brokers that failed since the last connection. */
  readonly attempts: number;
  /** Milliseconds since the connection was lost, or since `connect` was called. */
  readonly disconnectedMs: number;
  readonly lastError: Error | undefined;
}

/** Sessions that the options of `createConsumer` of a connection ask for. */
export interface ConnectionConsumerOptions extends ConsumerOptions, SessionOptions {}

/**
 * A connection to a broker, or to whichever of several is active. It survives the loss of its
 * broker: sessions, producers, consumers and temporary destinations are put in place on the next one.
 */
export class Connection {
  /** Begins every id of this connection: `ID:batonmq-…`. */
  readonly id: string;
  readonly clientId: string;
  readonly #settings: ClientSettings;
  readonly #components: RuntimeComponents;
  readonly #events = new ConnectionEvents();
  readonly #channel: Channel;
  readonly #link: FailoverLink;
  readonly #sessions = new Set<Session>();
  /** By consumer number, unique in the connection. */
  readonly #receivers = new Map<number, Consumer | Browser>();
  readonly #temporary: TemporaryDestinations;
  readonly #ackLater = new Set<Consumer>();
  readonly #endpoints: EndpointContext;
  readonly #requestReply: RequestReply;
  readonly #sessionContext: SessionContext;
  #first: { resolve: () => void; reject: (error: Error) => void } | undefined;
  #shared: Session | undefined;
  #broker: BrokerInfo | undefined;
  #providerName = '';
  #uri: string | undefined;
  #isClosing = false;
  #lastNumber = 0;

  /** Use `connect`. */
  constructor(settings: ClientSettings, components: RuntimeComponents) {
    this.#settings = settings;
    this.#components = components;
    const unique = components.random.uuid();
    this.id = `ID:batonmq-${unique}:1`;
    this.clientId = settings.clientId ?? `ID:batonmq-${unique}:0`;
    this.#channel = new Channel(components.clock, {
      connectionInfo: (isReconnect) => this.#connectionInfo(isReconnect),
      replay: () => this.#replay(),
      afterReplay: () => this.#afterReplay(),
      received: (incoming) => {
        this.#received(incoming);
      },
      beforeFlush: () => {
        this.#flushAcks();
      },
    });
    this.#link = new FailoverLink(settings, components, {
      restore: (link) => this.#restore(link),
      received: (incoming) => {
        this.#channel.received(incoming);
      },
      beforeFlush: () => {
        this.#channel.beforeFlush();
      },
      drained: () => {
        this.#channel.drained();
      },
      news: (news) => {
        this.#news(news);
      },
    });
    this.#temporary = new TemporaryDestinations({
      connectionId: this.id,
      nextNumber: () => this.#nextNumber(),
      request: (asked, what, options) => this.#request(asked, what, options),
    });
    this.#endpoints = this.#makeEndpointContext();
    this.#sessionContext = this.#makeSessionContext();
    this.#requestReply = new RequestReply({
      clock: components.clock,
      requestTimeoutMs: settings.requestTimeoutMs,
      createTemporaryQueue: () => this.createTemporaryQueue(),
      createConsumer: (target) => this.createConsumer(target),
      createProducer: () => this.createProducer(),
      uniqueId: () => components.random.uuid(),
    });
  }

  get status(): ConnectionStatus {
    const { phase, hasConnected, failedPasses, disconnectedAt, lastError } = this.#link.state;
    const isConnected = phase === 'connected';
    const waiting = hasConnected ? 'interrupted' : 'connecting';
    return {
      state: phase === 'failed' || phase === 'closed' || phase === 'connected' ? phase : waiting,
      uri: isConnected ? this.#uri : undefined,
      brokerName: isConnected ? (this.#broker?.brokerName ?? undefined) : undefined,
      attempts: failedPasses,
      disconnectedMs: isConnected ? 0 : this.#components.clock.now() - disconnectedAt,
      lastError,
    };
  }

  /** Calls `listener` for each event of a type, until the returned function is called. */
  on<T extends ConnectionEventType>(
    type: T,
    listener: (event: Extract<ConnectionEvent, { type: T }>) => void,
  ): () => void {
    return this.#events.on(type, listener);
  }

  /** A session of its own: another way of acknowledging, or transactions. */
  createSession(options: SessionOptions = {}): Promise<Session> {
    const failure = this.#isClosing ? closedError('The connection') : this.#channel.failure;
    if (failure !== undefined) return lookedAfter(Promise.reject(failure));
    return lookedAfter(
      new Promise((resolve) => {
        resolve(this.#openSession(options));
      }),
    );
  }

  /** A producer of the connection's own session; see {@link Session.createProducer}. */
  async createProducer(target?: DestinationLike, options: ProducerOptions = {}): Promise<Producer> {
    return this.#sharedSession().createProducer(target, options);
  }

  /** A consumer with a session of its own, which ends with the consumer; see {@link Session.createConsumer}. */
  async createConsumer(
    target: DestinationLike,
    { acknowledge, isTransacted, ...options }: ConnectionConsumerOptions = {},
  ): Promise<Consumer> {
    if (isTransacted === true) {
      throw new BrokerError(
        'BATON_INVALID_ARGUMENT',
        'A transacted consumer needs a session to commit: createSession({ isTransacted: true })',
      );
    }
    const session = await this.createSession(acknowledge === undefined ? {} : { acknowledge });
    session.endsWithConsumer();
    return session.createConsumer(target, options);
  }

  /** A queue that only this connection consumes from, and that ends with it. */
  createTemporaryQueue(options: CallOptions = {}): Promise<Destination> {
    return lookedAfter(this.#temporary.create('temp-queue', options));
  }

  /** A topic that only this connection consumes from, and that ends with it. */
  createTemporaryTopic(options: CallOptions = {}): Promise<Destination> {
    return lookedAfter(this.#temporary.create('temp-topic', options));
  }

  /**
   * Deletes a temporary queue or topic of this connection before it ends. Messages in it are lost.
   *
   * @throws (rejects) BrokerError `BATON_INVALID_DESTINATION` if it is none of this connection's,
   *   `BATON_INVALID_STATE` if a queue still has a consumer, `BATON_TIMEOUT`, `BATON_CLOSED`.
   */
  deleteTemporary(temporary: Destination, options: CallOptions = {}): Promise<void> {
    return lookedAfter(this.#temporary.remove(temporary, options));
  }

  /**
   * Gives up a durable subscription of this connection's client id, with the messages it has collected.
   *
   * @throws (rejects) BrokerError `BATON_INVALID_DESTINATION` if there is none of that name,
   *   `BATON_INVALID_STATE` while it has a consumer, `BATON_TIMEOUT`, `BATON_CLOSED`.
   */
  async unsubscribe(subscriptionName: string, options: CallOptions = {}): Promise<void> {
    const info = command('RemoveSubscriptionInfo', {
      connectionId: command('ConnectionId', { value: this.id }),
      clientId: this.clientId,
      subscriptionName,
    });
    await this.#request(info, 'Unsubscribing', options);
  }

  /** The messages in a queue, oldest first, without taking them. A broker may limit how many it shows. */
  async *browse(
    queue: DestinationLike,
    options: BrowseOptions = {},
  ): AsyncGenerator<ReceivedMessage, void, undefined> {
    const target = toDestination(queue);
    if (!isQueue(target)) {
      throw new BrokerError(
        'BATON_INVALID_DESTINATION',
        `Only queues can be browsed, not ${target.key}`,
      );
    }
    const number = this.#nextNumber();
    const { clock } = this.#components;
    const info = command('ConsumerInfo', {
      consumerId: consumerId(this.#endpoints, this.#sharedSession(), number),
      destination: toWireDestination(target),
      prefetchSize: Math.max(2, this.#settings.jms['prefetchPolicy.queueBrowserPrefetch']),
      selector: options.selector ?? null,
      browser: true,
      dispatchAsync: true,
    });
    const browser = new Browser(info, this.#channel, clock);
    this.#receivers.set(number, browser);
    try {
      const timeoutMs = options.timeoutMs ?? this.#settings.requestTimeoutMs;
      await this.#request(info, 'A browse', { ...options, timeoutMs });
      yield* browser.messages({ ...options, timeoutMs });
    } finally {
      this.#receivers.delete(number);
      this.#channel.post(command('RemoveInfo', { objectId: info.consumerId }));
    }
  }

  /**
   * Sends a message and resolves with the answer to it, which arrives over a temporary queue.
   *
   * @throws (rejects) BrokerError `BATON_TIMEOUT` if no answer came in time, and what `send` throws.
   */
  request(
    target: DestinationLike,
    message: Sendable,
    options: SendOptions = {},
  ): Promise<ReceivedMessage> {
    return lookedAfter(this.#requestReply.request(target, message, options));
  }

  /**
   * Answers a message that was sent with `request`, by this client or another. Resolves when the broker has
   * the answer.
   *
   * @throws (rejects) BrokerError `BATON_INVALID_ARGUMENT` if the message asks for no answer,
   *   `BATON_INVALID_DESTINATION` if who asked is gone, or not back yet after a failover; and what `send` throws.
   */
  reply(to: ReceivedMessage, message: Sendable, options: SendOptions = {}): Promise<void> {
    return lookedAfter(this.#requestReply.reply(to, message, options));
  }

  /**
   * Ends the connection in order: sends under way are answered first, open transactions are rolled
   * back. Never rejects; what the broker does not answer within `timeoutMs` (default:
   * `closeTimeoutMs`) is cut and rejects with `BATON_CLOSED`.
   */
  async close(options: CallOptions = {}): Promise<void> {
    if (this.#isClosing) return;
    this.#isClosing = true;
    const timeoutMs = options.timeoutMs ?? this.#settings.closeTimeoutMs;
    if (this.#channel.isOpen) await this.#finishWork({ ...options, timeoutMs });
    const closed = this.#link.close();
    this.#endWith(closedError('The connection'));
    await closed;
    this.#events.emit({ type: 'closed' });
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** For `connect`: dials, and resolves when the first broker has let us in. */
  async start(signal: AbortSignal | undefined): Promise<void> {
    const { clock } = this.#components;
    const timeoutMs = this.#settings.connectTimeoutMs;
    const wait = waitFor<undefined>(clock, 'Connecting', { timeoutMs, signal }, () => undefined);
    this.#first = {
      resolve: () => {
        wait.resolve(undefined);
      },
      reject: wait.reject,
    };
    this.#link.start();
    try {
      await wait.promise;
    } catch (thrown) {
      const { lastError } = this.#link.state;
      await this.close();
      throw withCause(thrown, lastError);
    } finally {
      this.#first = undefined;
    }
  }

  /** Lets what is under way be answered, then leaves the broker. */
  async #finishWork(limits: {
    timeoutMs: number;
    signal?: AbortSignal | undefined;
  }): Promise<void> {
    const { clock } = this.#components;
    const idle = waitFor<undefined>(clock, 'Closing', limits, () => undefined);
    this.#channel.whenIdle(() => {
      idle.resolve(undefined);
    });
    try {
      await idle.promise;
      const goodbye = command('RemoveInfo', {
        objectId: command('ConnectionId', { value: this.id }),
      });
      for (const session of this.#sessions) session.flushAcks();
      await this.#request(goodbye, 'Closing', { ...limits, interrupted: 'answered' });
    } catch {
      // What the broker does not answer in time is cut; it cleans up by itself.
    }
    this.#sayGoodbye();
  }

  #sayGoodbye(): void {
    for (const session of this.#sessions) session.flushAcks();
    this.#channel.post(command('ShutdownInfo'));
  }

  // What the failover link reports

  async #restore(link: WireLink): Promise<void> {
    this.#uri = shownUri(link.uri);
    this.#providerName = link.providerName;
    await this.#channel.restore(link);
  }

  #news(news: ReconnectNews): void {
    switch (news.type) {
      case 'connecting':
        this.#events.emit(news);
        return;
      case 'connected': {
        const brokerName = this.#broker?.brokerName ?? '';
        const type = news.isFirst ? 'connected' : 'resumed';
        this.#first?.resolve();
        this.#events.emit({ type, uri: shownUri(news.uri), brokerName });
        return;
      }
      case 'interrupted':
        // Moved away on purpose: what is done is said before the old broker is left.
        if (news.error === undefined) this.#sayGoodbye();
        this.#channel.interrupted();
        for (const session of this.#sessions) session.interrupted();
        for (const receiver of this.#receivers.values()) {
          if (receiver instanceof Browser) receiver.interrupted();
        }
        for (const window of this.#endpoints.producerWindows.values()) window.interrupted();
        this.#ackLater.clear();
        this.#events.emit({ ...news, uri: shownUri(news.uri) });
        return;
      case 'failed': {
        const error = this.#failedError(news.attempts, news.error);
        this.#first?.reject(error);
        this.#endWith(error);
        this.#events.emit({ type: 'failed', error });
        return;
      }
    }
  }

  #failedError(attempts: number, cause: Error | undefined): Error {
    // A refused log-in says more than that connecting failed.
    if (cause instanceof BrokerError && cause.kind !== 'unavailable' && cause.kind !== 'timeout')
      return cause;
    const reason = cause === undefined ? '' : `: ${cause.message}`;
    return new BrokerError('BATON_DISCONNECTED', `No broker can be reached${reason}`, {
      details: { attempts },
      cause,
    });
  }

  #endWith(error: Error): void {
    this.#channel.fail(error);
    for (const session of this.#sessions) session.failed(error);
    for (const receiver of this.#receivers.values()) receiver.failed(error);
    this.#receivers.clear();
  }

  // What brokers say unasked

  #received(incoming: Command): void {
    switch (incoming.type) {
      case 'MessageDispatch':
        this.#receivers.get(Number(incoming.consumerId?.value ?? 0))?.dispatched(incoming);
        return;
      case 'BrokerInfo':
        this.#broker = incoming;
        return;
      case 'ConnectionControl':
        this.#controlled(
          incoming.connectedBrokers,
          incoming.reconnectTo,
          incoming.rebalanceConnection,
        );
        return;
      case 'ConsumerControl': {
        const consumer = this.#receivers.get(Number(incoming.consumerId?.value ?? 0));
        if (!(consumer instanceof Consumer)) return;
        if (incoming.close) consumer.failed(closedError('The consumer, by its broker,'));
        else consumer.windowChanged(incoming.prefetch);
        return;
      }
      case 'ProducerAck': {
        const { producerWindows } = this.#endpoints;
        producerWindows.get(Number(incoming.producerId?.value ?? 0))?.accepted(incoming.size);
        return;
      }
      case 'ConnectionError':
        this.#reportError(remoteError(incoming.exception, 'A command'));
        return;
      default:
      // ShutdownInfo announces a close that follows; the rest is not for clients.
    }
  }

  #controlled(brokers: string | null, reconnectTo: string | null, isRebalance: boolean): void {
    if (reconnectTo !== null && reconnectTo !== '') {
      this.#link.happened({ type: 'redirect', uri: reconnectTo });
    }
    const uris = (brokers ?? '').split(',').filter((uri) => uri !== '');
    if (uris.length > 0) {
      this.#link.happened({ type: 'members', uris, isRebalance, source: 'broker' });
    }
  }

  // What makes up this client

  #connectionInfo(isReconnect: boolean): OutgoingCommand {
    const { userName, password } = this.#settings;
    return command('ConnectionInfo', {
      connectionId: command('ConnectionId', { value: this.id }),
      clientId: this.clientId,
      userName: userName ?? null,
      password: password ?? null,
      manageable: true,
      faultTolerant: true,
      failoverReconnect: isReconnect,
    });
  }

  *#replay(): Iterable<ReplayCommand> {
    yield* this.#temporary.replay();
    for (const session of this.#sessions) yield* session.replay();
    for (const session of this.#sessions) yield* session.replayTransactions();
  }

  *#afterReplay(): Iterable<Command> {
    for (const session of this.#sessions) {
      for (const consumer of session.consumers) {
        if (consumer.isConfirmed) yield* consumer.afterReplay();
      }
    }
  }

  #flushAcks(): void {
    if (this.#ackLater.size === 0) return;
    const due = [...this.#ackLater];
    this.#ackLater.clear();
    for (const consumer of due) consumer.flushAcks();
  }

  #makeEndpointContext(): EndpointContext {
    const settings = this.#settings;
    const { failover, sendWindowCount: countMax, sendQueueCount: lineMax } = settings;
    // Tracked sends are all answered, and what is kept of them is what is unanswered.
    const bytesMax = failover.trackMessages ? failover.maxCacheSize : settings.sendWindowBytes;
    return {
      connectionId: this.id,
      clientId: this.clientId,
      settings,
      components: this.#components,
      channel: this.#channel,
      window: new SendWindow({ countMax, bytesMax, lineMax }),
      receivers: this.#receivers,
      producerWindows: new Map(),
      nextNumber: () => this.#nextNumber(),
      ackLater: (consumer) => {
        this.#ackLater.add(consumer);
        this.#channel.requestFlush();
      },
      reportError: (error) => {
        this.#reportError(error);
      },
    };
  }

  #makeSessionContext(): SessionContext {
    const { requestTimeoutMs, transactionReplayBytes, failover } = this.#settings;
    return {
      channel: this.#channel,
      requestTimeoutMs,
      transactionReplayBytes,
      trackTransactionProducers: failover.trackTransactionProducers,
      afterSends: (run) => {
        this.#endpoints.window.after(run);
      },
      nextTransactionId: () => this.#nextTransactionId(),
      makeProducer: (session, target, options) =>
        makeProducer(this.#endpoints, session, target, options),
      makeConsumer: (session, target, options) =>
        makeConsumer(this.#endpoints, session, target, options),
      rollBack: async (info, when, options) => {
        await this.#request(info, 'A rollback', { ...options, interrupted: 'answered', when });
      },
      outcomeOf: (id, options) =>
        askOutcome(id, {
          clock: this.#components.clock,
          connectionId: this.id,
          timeoutMs: options.timeoutMs ?? requestTimeoutMs,
          canAnswer: () => this.#providerName === 'BatonMQ',
          request: (info, timeoutMs) =>
            this.#request(info, 'Asking how a commit ended', { ...options, timeoutMs }),
        }),
      closed: (session) => {
        this.#sessions.delete(session);
      },
    };
  }

  #openSession(options: SessionOptions): Session {
    const id = command('SessionId', { connectionId: this.id, value: this.#nextNumber() });
    const session = new Session(id, options, this.#sessionContext);
    this.#sessions.add(session);
    this.#channel.post(command('SessionInfo', { sessionId: id }));
    return session;
  }

  #sharedSession(): Session {
    if (this.#isClosing) throw closedError('The connection');
    this.#shared ??= this.#openSession({});
    return this.#shared;
  }

  #request(
    info: OutgoingCommand,
    what: string,
    options: RequestOptions,
  ): ReturnType<typeof request> {
    const timeoutMs = options.timeoutMs ?? this.#settings.requestTimeoutMs;
    return request(this.#channel, info, what, {
      ...options,
      timeoutMs,
    });
  }

  #nextTransactionId(): LocalTransactionId {
    const connectionId = command('ConnectionId', { value: this.id });
    return command('LocalTransactionId', { connectionId, value: this.#nextNumber() });
  }

  #nextNumber(): number {
    this.#lastNumber++;
    return this.#lastNumber;
  }

  #reportError(error: Error): void {
    this.#events.emit({ type: 'error', error });
  }
}

/** The deadline of `connect` is only half of the story: why no broker was reached is the other. */
function withCause(thrown: unknown, lastError: Error | undefined): unknown {
  if (!(thrown instanceof BrokerError) || lastError === undefined || thrown.cause !== undefined)
    return thrown;
  const { code, message, details } = thrown;
  if (code !== 'BATON_TIMEOUT') return thrown;
  return new BrokerError(code, `${message}: ${lastError.message}`, { details, cause: lastError });
}
