import {
  connectionId,
  destination,
  parseDestination,
  producerId,
  type BrokerError,
  type Message,
  type ProducerId,
  type TransactionId,
} from '@batonmq/model';
import { encodeProperties, primitiveMap, type PlainValue } from '@batonmq/message-content';
import { simRuntime, type SimRuntime } from '@batonmq/runtime/sim';
import { createMemorySpace, memoryStore } from '@batonmq/store-memory';
import {
  createBroker,
  type Ack,
  type Broker,
  type BrokerConnection,
  type BrokerOptions,
  type CreateBrokerOptions,
  type Delivery,
  type Principal,
  type Receipt,
  type SubscribeOptions,
  type Subscription,
} from '../src/index.ts';
import { slowStore } from './slow-store.ts';

/** A receipt that is a promise. */
export function receipt(): Receipt & { readonly done: Promise<void>; readonly isSettled: boolean } {
  let settle: (error?: BrokerError) => void = () => undefined;
  const done = new Promise<void>((resolve, reject) => {
    settle = (error) => {
      if (error === undefined) resolve();
      else reject(error);
    };
  });
  done.catch(() => undefined);
  let isSettled = false;
  return {
    done,
    get isSettled() {
      return isSettled;
    },
    settled: (error) => {
      isSettled = true;
      settle(error);
    },
  };
}

export interface TestBrokerOptions extends Pick<
  CreateBrokerOptions,
  'policies' | 'virtualDestinations' | 'security'
> {
  readonly name?: string;
  readonly messageBytesMax?: number;
  readonly latencyMs?: number;
  readonly readLatencyMs?: number;
  /** See `Latency.isLate`. */
  readonly isLate?: boolean;
}

/** Brokers on one simulated machine and one space, and the time in which they live. */
export class TestWorld {
  readonly runtime: SimRuntime = simRuntime(1);
  readonly space = createMemorySpace();
  readonly #brokers: Broker[] = [];

  /** Starts a broker and lets it become what it can become. */
  async broker(settings: BrokerOptions = {}, options: TestBrokerOptions = {}): Promise<Broker> {
    const { messageBytesMax = 2 ** 30, latencyMs = 0, readLatencyMs = 0, isLate = false } = options;
    const store = memoryStore({ space: this.space, messageBytesMax });
    const broker = createBroker({
      name: options.name ?? `broker-${this.#brokers.length}`,
      store:
        latencyMs === 0
          ? store
          : slowStore(store, this.runtime.clock, {
              appendMs: latencyMs,
              readMs: readLatencyMs,
              isLate,
            }),
      components: this.runtime,
      options: settings,
      ...(options.security && { security: options.security }),
      policies: options.policies ?? [],
      virtualDestinations: options.virtualDestinations ?? [],
    });
    this.#brokers.push(broker);
    await this.run(broker.start());
    await this.elapse();
    return broker;
  }

  /** Lets time pass until the promise settles. */
  run<T>(promise: Promise<T>): Promise<T> {
    return this.runtime.clock.run(promise);
  }

  /** Lets time pass; the default is enough for everything that is not made to wait. */
  elapse(ms = 20): Promise<void> {
    // Virtual time only passes towards something.
    this.runtime.clock.setTimer(ms, () => undefined);
    return this.runtime.clock.runUntilIdle(ms);
  }

  async end(): Promise<void> {
    for (const broker of this.#brokers) await this.run(broker.stop());
  }
}

export interface SendOptions {
  readonly isPersistent?: boolean;
  readonly text?: string;
  readonly expiration?: number;
  readonly sequence?: number;
  readonly transactionId?: TransactionId;
  readonly producer?: ProducerId;
  readonly priority?: number;
  readonly properties?: Readonly<Record<string, PlainValue>>;
  readonly groupId?: string | undefined;
  readonly groupSequence?: number | undefined;
}

/** A consumer that keeps what it gets. */
export class TestConsumer {
  readonly deliveries: Delivery[] = [];
  exhaustedCount = 0;
  endReason: BrokerError | undefined;
  isCongested = false;
  onDelivery: (delivery: Delivery) => void = () => undefined;
  readonly subscription: Subscription;
  readonly #world: TestWorld;

  constructor(
    world: TestWorld,
    connection: BrokerConnection,
    options: Omit<SubscribeOptions, 'sink'>,
  ) {
    this.#world = world;
    const isCongested = (): boolean => this.isCongested;
    this.subscription = connection.subscribe({
      ...options,
      sink: {
        deliver: (delivery) => {
          this.deliveries.push(delivery);
          this.onDelivery(delivery);
        },
        exhausted: () => {
          this.exhaustedCount += 1;
        },
        ended: (reason) => {
          this.endReason = reason;
        },
        get isCongested() {
          return isCongested();
        },
      },
    });
  }

  get texts(): readonly string[] {
    return this.deliveries.map(({ message }) => textOf(message));
  }

  ack(
    first: Delivery | undefined,
    last: Delivery | undefined,
    rest: Partial<Ack> = {},
  ): Promise<void> {
    const settled = receipt();
    this.subscription.ack(ackOf(first, last, rest), settled);
    return this.#world.run(settled.done);
  }

  get counts(): readonly number[] {
    return this.deliveries.map(({ redeliveryCount }) => redeliveryCount);
  }

  /** Acks each message as it comes. */
  ackAtOnce(): this {
    this.onDelivery = (delivery) => {
      this.subscription.ack(ackOf(delivery, delivery));
    };
    return this;
  }
}

export function ackOf(
  first: Delivery | undefined,
  last: Delivery | undefined,
  rest: Partial<Ack> = {},
): Ack {
  return {
    kind: 'standard',
    first: first && referenceOf(first),
    last: last && referenceOf(last),
    messageCount: 1,
    ...rest,
  };
}

function referenceOf({ message }: Delivery): NonNullable<Ack['last']> {
  const { id } = message;
  return { producerKey: id.producerId.key, producerSequence: id.producerSequence };
}

export function textOf(message: Message): string {
  return Buffer.from(message.content ?? []).toString();
}

function propertiesOf({ properties }: SendOptions): Uint8Array | undefined {
  if (properties === undefined) return undefined;
  return encodeProperties(primitiveMap(properties)) ?? undefined;
}

/** A client at a broker, with one producer. */
export class TestClient {
  readonly connection: BrokerConnection;
  readonly producer: ProducerId;
  readonly failures: BrokerError[] = [];
  disconnectReason: BrokerError | undefined;
  /** How often the broker paused its input. */
  pauseCount = 0;
  isInputPaused = false;
  readonly #world: TestWorld;
  #sequence = 0;
  #consumerCount = 0;

  constructor(
    world: TestWorld,
    broker: Broker,
    name = 'c',
    isReconnect = false,
    principal?: Principal,
  ) {
    this.#world = world;
    const id = connectionId(`ID:${name}`);
    this.connection = broker.connect({
      connectionId: id,
      clientId: name,
      remoteAddress: '127.0.0.1:1',
      protocol: 'test',
      isReconnect,
      principal,
      control: {
        failed: (error) => {
          this.failures.push(error);
        },
        pauseInput: () => {
          this.isInputPaused = true;
          this.pauseCount += 1;
        },
        resumeInput: () => {
          this.isInputPaused = false;
        },
        disconnect: (reason) => {
          this.disconnectReason = reason;
        },
      },
    });
    this.producer = producerId(id, 1, 1);
    this.connection.addProducer({ producerId: this.producer });
  }

  message(to: string, text: string, options: SendOptions = {}): Message {
    this.#sequence = options.sequence ?? this.#sequence + 1;
    const sender = options.producer ?? this.producer;
    return {
      id: { producerId: sender, producerSequence: this.#sequence },
      producerId: sender,
      destination: parseDestination(to),
      transactionId: options.transactionId,
      isPersistent: options.isPersistent ?? true,
      priority: options.priority ?? 4,
      timestamp: 0,
      expiration: options.expiration ?? 0,
      groupId: options.groupId,
      groupSequence: options.groupSequence ?? 0,
      contentKind: 'text',
      properties: propertiesOf(options),
      isCompressed: false,
      content: Buffer.from(text),
      redeliveryCount: 0,
      brokerInTime: this.#world.runtime.clock.wallTime(),
    };
  }

  /** Resolves with the receipt. */
  send(to: string, text: string, options: SendOptions = {}): Promise<void> {
    const settled = receipt();
    this.connection.send(this.message(to, text, options), settled);
    return this.#world.run(settled.done);
  }

  consume(from: string, options: Partial<SubscribeOptions> = {}): TestConsumer {
    this.#consumerCount += 1;
    return new TestConsumer(this.#world, this.connection, {
      consumerKey: `${this.connection.connectionId}:1:${this.#consumerCount}`,
      destination: from.includes('://') ? parseDestination(from) : destination('queue', from),
      prefetchCount: 1000,
      isBrowser: false,
      isNoLocal: false,
      isExclusive: false,
      isRetroactive: false,
      priority: 0,
      ...options,
    });
  }

  begin(value: number): TransactionId {
    const id: TransactionId = { kind: 'local', connectionId: this.connection.connectionId, value };
    this.connection.beginTransaction(id);
    return id;
  }

  commit(id: TransactionId): Promise<void> {
    const settled = receipt();
    this.connection.commitTransaction(id, settled);
    return this.#world.run(settled.done);
  }

  rollback(id: TransactionId): Promise<void> {
    const settled = receipt();
    this.connection.rollbackTransaction(id, settled);
    return this.#world.run(settled.done);
  }
}
