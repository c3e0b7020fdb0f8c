import { BrokerError, type ConnectionId, type Destination, type Message } from '@batonmq/model';
import type { RuntimeComponents } from '@batonmq/runtime';
import type { CancelTimer, Clock, Logger, Random } from '@batonmq/runtime';
import type { Lease } from '@batonmq/store-spi';
import type { DestinationStatus, DurableSubscriptionStatus } from './broker.ts';
import { ClientConnection, type ConnectionParts } from './connection/client-connection.ts';
import type { ConnectOptions } from './connection/connection.ts';
import { FlowControl } from './connection/flow-control.ts';
import { Destinations } from './destination/destinations.ts';
import { WantedStore } from './virtual/wanted-store.ts';
import { GroupOwners } from './group/group-owners.ts';
import { statuses, Usage, UsageWatch, type LimitStatus } from './limit/usage.ts';
import { InactiveDestinations } from './destination/inactive-destinations.ts';
import { Queue } from './destination/queue.ts';
import { RecoveryImages } from './image/recovery-images.ts';
import { Router } from './destination/router.ts';
import type { Topic } from './destination/topic.ts';
import { DurableWaits } from './durable-waits.ts';
import { EndOfTurn } from './end-of-turn.ts';
import type { BrokerEvent } from './events.ts';
import { ExpiryWatch } from './expiry/expiry-watch.ts';
import { DeadLetters } from './message/dead-letters.ts';
import { Redrive, type RedriveOptions, type RedriveResult } from './message/redrive.ts';
import { ProducerMarks } from './message/producer-marks.ts';
import type { BrokerSettings } from './options.ts';
import type { Policies } from './policy/policies.ts';
import { Admission, type TermSecurity } from './security/admission.ts';
import type { Principal } from './security/security.ts';
import { DurableSubscriptions } from './subscription/durable-subscriptions.ts';
import type { VirtualDestination } from './policy/virtual-destination.ts';
import { LAST_DELIVERED_UNKNOWN, type Subscription } from './subscription/subscription.ts';
import type { TermParts } from './term-parts.ts';
import { Scheduler } from './scheduler/scheduler.ts';
import { CommitOutcomes } from './transaction/commit-outcomes.ts';
import { XaTransactions } from './transaction/xa-transactions.ts';
import { WriteQueue } from './write-queue.ts';

/** Broker sequences of one epoch; those of the next start above, so a client cannot mix them up. */
const BROKER_SEQUENCES_PER_EPOCH = 2 ** 33;
const EPOCHS_TOLD_APART = 2 ** 20;

/** What a term needs from its broker. */
export interface TermEnvironment {
  readonly name: string;
  readonly components: RuntimeComponents;
  readonly settings: BrokerSettings;
  readonly policies: Policies;
  /** None if everybody may do everything. */
  readonly security: TermSecurity | undefined;
  readonly virtualDestinations: readonly VirtualDestination[];
  readonly emit: (event: BrokerEvent) => void;
  /** The store refused or failed a write: the lease is gone. */
  readonly failed: (error: BrokerError) => void;
}

/**
 * One stay in the active role, from the grant of a lease to its end. All state of the broker that
 * stands for stored state lives here and is thrown away with it.
 */
export class Term implements TermParts {
  readonly settings: BrokerSettings;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly lease: Lease;
  readonly writes: WriteQueue;
  readonly endOfTurn: EndOfTurn;
  readonly usages: UsageWatch;
  readonly memory: Usage;
  readonly stored: Usage;
  readonly paged: Usage;
  readonly window = { usedBytes: 0 };
  readonly openTransactions = { usedBytes: 0 };
  readonly policies: Policies;
  readonly destinations: Destinations;
  readonly groupOwners: GroupOwners;
  readonly wanted: WantedStore;
  readonly expiry: ExpiryWatch;
  readonly durables: DurableSubscriptions;
  readonly images: RecoveryImages;
  readonly deadLetters: DeadLetters;
  readonly marks: ProducerMarks;
  readonly emit: (event: BrokerEvent) => void;
  readonly #name: string;
  readonly xa: XaTransactions;
  readonly scheduler: Scheduler;
  readonly #inactive: InactiveDestinations;
  readonly #outcomes: CommitOutcomes;
  readonly #flow: FlowControl;
  readonly #waits: DurableWaits;
  readonly #connections = new Map<ConnectionId, ClientConnection>();
  readonly #connectionParts: ConnectionParts;
  readonly #admission: Admission;
  #brokerSequence: number;
  #isOver = false;
  #isDraining = false;
  #cancelScan: CancelTimer | undefined;

  constructor(lease: Lease, environment: TermEnvironment) {
    const { components, settings } = environment;
    this.settings = settings;
    this.clock = components.clock;
    this.random = components.random;
    this.logger = components.logger.child({ epoch: lease.epoch });
    this.lease = lease;
    this.emit = environment.emit;
    this.#name = environment.name;
    this.#brokerSequence = (lease.epoch % EPOCHS_TOLD_APART) * BROKER_SEQUENCES_PER_EPOCH;
    this.endOfTurn = new EndOfTurn(this.clock);
    this.writes = new WriteQueue(lease, this.clock, settings, {
      relieved: this.#relieved,
      failed: environment.failed,
    });
    this.#waits = new DurableWaits(this.writes);
    this.usages = new UsageWatch(this.#relieved);
    this.memory = new Usage('memoryLimitBytes', settings.memoryLimitBytes, this.usages);
    this.stored = new Usage('storeLimitBytes', settings.storeLimitBytes, this.usages);
    this.paged = new Usage('tempLimitBytes', settings.tempLimitBytes, this.usages);
    this.policies = environment.policies;
    this.destinations = new Destinations(this, environment.virtualDestinations);
    this.#inactive = new InactiveDestinations(this);
    this.groupOwners = new GroupOwners(this);
    this.wanted = new WantedStore(this);
    this.expiry = new ExpiryWatch(this);
    this.durables = new DurableSubscriptions(this);
    this.images = new RecoveryImages(this);
    this.deadLetters = new DeadLetters(this);
    this.marks = new ProducerMarks(this.writes, settings.producerMarksMax);
    this.#outcomes = new CommitOutcomes(this.writes, settings.transactionOutcomesMax);
    const router = new Router(this);
    this.scheduler = new Scheduler(this, router, environment.name);
    this.#flow = new FlowControl(this, router);
    this.xa = new XaTransactions(this, router, this.#outcomes, this.#flow);
    this.#admission = new Admission(environment.security, this.emit);
    this.#connectionParts = {
      term: this,
      router,
      flow: this.#flow,
      outcomes: this.#outcomes,
      xa: this.xa,
      closed: (connection) => {
        this.#closed(connection);
      },
    };
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  get isDraining(): boolean {
    return this.#isDraining;
  }

  /** Reads what must be known before serving: no message bodies. */
  async recover(): Promise<void> {
    await this.lease.recover({
      destination: (recovered) => {
        if (this.xa.sends.recovered(recovered)) return;
        if (this.scheduler.messages.recovered(recovered)) return;
        this.destinations.recovered(recovered);
      },
      producer: (producer, sequence) => {
        this.marks.recovered(producer, sequence);
      },
      state: (space, key, value) => {
        this.#outcomes.recovered(space, key, value);
        this.marks.refusedRecovered(space, key, value);
        this.durables.recovered(space, key, value);
        this.groupOwners.recovered(space, key, value);
        this.wanted.recovered(space, key, value);
        this.expiry.recovered(space, key);
        this.xa.recovered(space, value);
        this.scheduler.recovered(space, key, value);
      },
    });
    this.#outcomes.endRecovery();
    this.durables.endRecovery();
    this.images.endRecovery();
    this.groupOwners.endRecovery();
    this.wanted.endRecovery();
    this.xa.endRecovery();
    this.destinations.endRecovery();
    this.expiry.endRecovery();
    this.scheduler.endRecovery();
    this.#inactive.start();
    this.#scanLater();
  }

  connect(options: ConnectOptions): ClientConnection {
    this.#admission.check(options, this.#connections.get(options.connectionId)?.userName);
    this.#takeOver(options.connectionId);
    this.#requireUnique(options);
    const { connectionsMax } = this.settings;
    if (this.#connections.size >= connectionsMax) {
      throw new BrokerError(
        'BATON_LIMIT',
        `Broker ${this.#name} has ${connectionsMax} connections; "connectionsMax" allows no more`,
      );
    }
    const access = this.#admission.admit(options);
    const connection = new ClientConnection(options, this.#connectionParts, access);
    const { connectionId, clientId, remoteAddress, protocol } = options;
    const { userName } = connection;
    this.#connections.set(connectionId, connection);
    this.emit({
      type: 'connection-added',
      connectionId,
      clientId,
      remoteAddress,
      protocol,
      userName,
    });
    return connection;
  }

  publish(message: Message, only: Subscription | undefined): void {
    if (!this.#isOver) this.destinations.publish(message, only);
  }

  /** Resolves when the queue is durable. */
  async declareVirtualTopicQueue(topic: string, consumer: string): Promise<Destination> {
    const destination = this.destinations.declareVirtualTopicQueue(topic, consumer);
    await this.#waits.seal();
    return destination;
  }

  /** See `Broker.redrive`. */
  async redrive(from: Destination, options: RedriveOptions): Promise<RedriveResult> {
    const queue = this.destinations.existing(from);
    return new Redrive(queue, this, this.#waits, options).run();
  }

  /** See `Broker.pauseQueue`. */
  pauseQueue(queue: Destination): void {
    this.destinations.existing(queue).pause();
  }

  resumeQueue(queue: Destination): void {
    this.destinations.existing(queue).resume();
  }

  statuses(): readonly DestinationStatus[] {
    return [...this.destinations].map(statusOf);
  }

  usage(): readonly LimitStatus[] {
    return statuses([this.memory, this.stored, this.paged]);
  }

  subscriptionStatuses(): readonly DurableSubscriptionStatus[] {
    return [...this.durables].map(({ definition, isActive, queue }) => ({
      ...definition,
      isActive,
      messageCount: queue.messageCount,
      inFlightCount: queue.inFlightCount,
    }));
  }

  clientIdOf(connectionId: ConnectionId): string | undefined {
    return this.#connections.get(connectionId)?.clientId;
  }

  transactionOutcome(key: string): 'committed' | 'open' | 'unknown' {
    const outcome = this.#outcomes.of(key);
    if (outcome !== 'unknown') return outcome;
    if (this.xa.has(key) || this.#flow.holdsCommit(key)) return 'open';
    for (const connection of this.#connections.values()) {
      if (connection.hasTransaction(key)) return 'open';
    }
    return 'unknown';
  }

  mayRead(reader: Principal | undefined, target: Destination): boolean {
    return this.#admission.mayRead(reader, target);
  }

  requireCreatable(target: Destination, by: ConnectionId): void {
    this.#connections.get(by)?.access?.demand('create', target);
  }

  nextBrokerSequence(): number {
    this.#brokerSequence += 1;
    return this.#brokerSequence;
  }

  readonly #relieved = (): void => {
    this.#flow.relieved();
  };

  /** The lease is gone. In this very turn: no receipt is settled any more, and clients are sent away. */
  end(reason: BrokerError): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.writes.close();
    this.#waits.end(reason);
    this.endOfTurn.stop();
    this.#cancelScan?.();
    this.#inactive.stop();
    this.groupOwners.stop();
    this.expiry.stop();
    this.xa.end(reason);
    this.scheduler.stop();
    this.#disconnectAll(reason);
  }

  /** Takes nothing new, makes durable what is on its way, and sends the clients away. */
  async drain(reason: BrokerError): Promise<void> {
    this.#isDraining = true;
    this.#cancelScan?.();
    this.#inactive.stop();
    this.groupOwners.stop();
    this.expiry.stop();
    this.scheduler.stop();
    for (const { control } of this.#connections.values()) control.pauseInput();
    await this.writes.drain();
    const connections = [...this.#connections.values()];
    // What consumers hold goes back with its counts, for the broker that takes over.
    for (const connection of connections) connection.close(LAST_DELIVERED_UNKNOWN);
    await this.writes.drain();
    this.#isOver = true;
    this.writes.close();
    this.#waits.end(reason);
    this.endOfTurn.stop();
    this.xa.end(reason);
    for (const { control } of connections) control.disconnect(reason);
  }

  #takeOver(connectionId: ConnectionId): void {
    const old = this.#connections.get(connectionId);
    if (old === undefined) return;
    old.close(LAST_DELIVERED_UNKNOWN);
    const reason = new BrokerError(
      'BATON_CLOSED',
      `Connection ${connectionId} was taken over by a new one of the same id`,
      { details: { connectionId } },
    );
    this.endOfTurn.run(() => {
      old.control.disconnect(reason);
    });
  }

  #requireUnique({ clientId }: ConnectOptions): void {
    for (const other of this.#connections.values()) {
      if (other.clientId !== clientId) continue;
      throw new BrokerError(
        'BATON_INVALID_CLIENT_ID',
        `Broker: ${this.#name} - Client: ${clientId} already connected from ${other.remoteAddress}`,
        { details: { clientId } },
      );
    }
  }

  #closed({ connectionId, clientId, userName }: ClientConnection): void {
    this.#connections.delete(connectionId);
    this.#admission.left(userName);
    this.emit({ type: 'connection-removed', connectionId, clientId });
  }

  #disconnectAll(reason: BrokerError): void {
    const connections = [...this.#connections.values()];
    this.#connections.clear();
    for (const { connectionId, clientId, control } of connections) {
      control.disconnect(reason);
      this.emit({ type: 'connection-removed', connectionId, clientId });
    }
  }

  #scanLater(): void {
    this.#cancelScan = this.clock.setTimer(this.settings.expiryScanIntervalMs, () => {
      for (const destination of this.destinations) {
        if (destination instanceof Queue) destination.retryUndead();
        else destination.removeOld();
      }
      this.durables.scan();
      this.#scanLater();
    });
  }
}

function statusOf(destination: Queue | Topic): DestinationStatus {
  if (destination instanceof Queue) {
    return {
      destination: destination.destination,
      messageCount: destination.messageCount,
      consumerCount: destination.consumers.attachments.size,
      inFlightCount: destination.inFlightCount,
      unmatchedCount: destination.unmatchedCount,
      isPaused: destination.isPaused,
      enqueuedCount: destination.enqueuedCount,
      dequeuedCount: destination.dequeuedCount,
      memoryBytes: destination.memoryBytes,
      discardedCount: 0,
      limits: destination.room.limits,
    };
  }
  return {
    destination: destination.destination,
    messageCount: 0,
    consumerCount: destination.subscriptions.size + destination.activeDurableCount,
    inFlightCount: 0,
    unmatchedCount: 0,
    isPaused: false,
    enqueuedCount: destination.enqueuedCount,
    dequeuedCount: destination.enqueuedCount,
    memoryBytes: destination.memory.used,
    discardedCount: destination.discardedCount,
    limits: statuses([destination.memory]),
  };
}
