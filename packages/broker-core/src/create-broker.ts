import { BrokerError, type Destination, type Epoch, type Message } from '@batonmq/model';
import type { RuntimeComponents } from '@batonmq/runtime';
import { openStore, STORE_PLUGIN, type Store, type StorePlugin } from '@batonmq/store-spi';
import type { Broker, DestinationStatus, DurableSubscriptionStatus } from './broker.ts';
import type { BrokerConnection, ConnectOptions } from './connection/connection.ts';
import type { LimitStatus } from './limit/usage.ts';
import { EventEmitter } from './event-emitter.ts';
import type { BrokerEvent, BrokerEventType } from './events.ts';
import { resolveBrokerOptions, type BrokerOptions } from './options.ts';
import type { RedriveOptions, RedriveResult } from './message/redrive.ts';
import type { PolicyEntry } from './policy/destination-policy.ts';
import { Policies, type EffectivePolicy } from './policy/policies.ts';
import type { VirtualDestination } from './policy/virtual-destination.ts';
import { resolveVirtualDestinations } from './policy/virtual-problems.ts';
import { RoleDriver } from './role/role-driver.ts';
import type { Role } from './role/role.ts';
import { Login } from './security/login.ts';
import { resolveSecurityOptions } from './security/options.ts';
import type { BrokerSecurity, Credentials, Principal } from './security/security.ts';
import type { Subscription } from './subscription/subscription.ts';
import { Term } from './term.ts';
import type { Resolution } from './transaction/prepared-transaction.ts';
import type { PreparedTransactionStatus } from './transaction/xa-transactions.ts';

export interface CreateBrokerOptions {
  /** Shown to other brokers in line and to clients; unique among the brokers of a store. */
  readonly name: string;
  /** A plugin, opened behind the checks of its contract, or a store that is open already. The broker closes it. */
  readonly store: Store | StorePlugin;
  readonly components: RuntimeComponents;
  readonly options?: BrokerOptions;
  /** What is set for single destinations and patterns of them. @defaultValue none */
  readonly policies?: readonly PolicyEntry[];
  /** Who is let in, and to what. @defaultValue none: everybody, to everything */
  readonly security?: BrokerSecurity;
  /**
   * Destinations whose messages go on to others. Without an entry of a `virtualTopic` the topics
   * `VirtualTopic.>` are some, as with ActiveMQ.
   *
   * @defaultValue none
   */
  readonly virtualDestinations?: readonly VirtualDestination[];
}

/**
 * Makes a broker; nothing happens before its `start`.
 *
 * @throws `BATON_INVALID_OPTION` naming every wrong option, `BATON_SPI_VERSION`.
 */
export function createBroker(options: CreateBrokerOptions): Broker {
  return new BatonBroker(options);
}

class BatonBroker implements Broker {
  readonly name: string;
  readonly id: string;
  readonly #events: EventEmitter;
  readonly #policies: Policies;
  readonly #driver: RoleDriver<Term>;
  readonly #login: Login | undefined;

  constructor(init: CreateBrokerOptions) {
    const { name, store, components, options, policies = [], security } = init;
    const settings = resolveBrokerOptions(options);
    this.#policies = new Policies(policies, settings);
    const virtuals = resolveVirtualDestinations(init.virtualDestinations ?? []);
    this.name = name;
    this.id = components.random.uuid();
    const logger = components.logger.child({ broker: name });
    this.#events = new EventEmitter(logger);
    const emit = (event: BrokerEvent): void => {
      this.#events.emit(event);
    };
    const securitySettings = resolveSecurityOptions(security?.options);
    this.#login =
      security &&
      new Login({
        authenticator: security.authenticator,
        settings: securitySettings,
        clock: components.clock,
        logger,
        emit,
      });
    this.#driver = new RoleDriver({
      name,
      store: STORE_PLUGIN in store ? openStore(store, components) : store,
      clock: components.clock,
      logger,
      acquireRetryMs: settings.acquireRetryMs,
      beginTerm: (lease, failed) =>
        new Term(lease, {
          name,
          components: { ...components, logger },
          settings,
          policies: this.#policies,
          security: security && {
            authorizer: security.authorizer,
            connectionsPerUserMax: securitySettings.connectionsPerUserMax,
          },
          virtualDestinations: virtuals,
          emit,
          failed,
        }),
      changed: (from, to, epoch, cause) => {
        const change = { type: 'role-changed', from, to, epoch } as const;
        emit(cause === undefined ? change : { ...change, cause });
      },
    });
  }

  get role(): Role {
    return this.#driver.role;
  }

  get epoch(): Epoch | undefined {
    return this.#driver.epoch;
  }

  start(): Promise<void> {
    return this.#driver.start();
  }

  stop(): Promise<void> {
    return this.#driver.stop();
  }

  get isSecured(): boolean {
    return this.#login !== undefined;
  }

  async authenticate(credentials: Credentials): Promise<Principal> {
    if (this.#login !== undefined) return this.#login.authenticate(credentials);
    throw new BrokerError('BATON_INVALID_STATE', `Broker ${this.name} knows no users`);
  }

  connect(options: ConnectOptions): BrokerConnection {
    return this.#activeTerm().connect(options);
  }

  async declareVirtualTopicQueue(topic: string, consumer: string): Promise<Destination> {
    return this.#activeTerm().declareVirtualTopicQueue(topic, consumer);
  }

  async redrive(
    deadLetterQueue: Destination,
    options: RedriveOptions = {},
  ): Promise<RedriveResult> {
    return this.#activeTerm().redrive(deadLetterQueue, options);
  }

  pauseQueue(queue: Destination): void {
    this.#activeTerm().pauseQueue(queue);
  }

  resumeQueue(queue: Destination): void {
    this.#activeTerm().resumeQueue(queue);
  }

  publish(message: Message, only?: Subscription): void {
    this.#driver.term?.publish(message, only);
  }

  destinations(): readonly DestinationStatus[] {
    return this.#driver.term?.statuses() ?? [];
  }

  usage(): readonly LimitStatus[] {
    return this.#driver.term?.usage() ?? [];
  }

  effectivePolicy(destination: Destination): EffectivePolicy {
    return this.#policies.effective(destination);
  }

  durableSubscriptions(): readonly DurableSubscriptionStatus[] {
    return this.#driver.term?.subscriptionStatuses() ?? [];
  }

  transactionOutcome(transactionKey: string): 'committed' | 'open' | 'unknown' {
    return this.#driver.term?.transactionOutcome(transactionKey) ?? 'unknown';
  }

  preparedTransactions(): readonly PreparedTransactionStatus[] {
    return this.#driver.term?.xa.prepared() ?? [];
  }

  async resolvePrepared(transactionKey: string, verdict: Resolution): Promise<void> {
    await this.#activeTerm().xa.resolve(transactionKey, verdict);
  }

  on<T extends BrokerEventType>(
    type: T,
    listener: (event: Extract<BrokerEvent, { type: T }>) => void,
  ): () => void {
    return this.#events.on(type, listener);
  }

  #activeTerm(): Term {
    const { term } = this.#driver;
    if (term !== undefined) return term;
    throw new BrokerError(
      'BATON_NOT_ACTIVE',
      `Broker ${this.name} is ${this.role}; clients are served by the active one`,
      { details: { broker: this.name, role: this.role } },
    );
  }
}
