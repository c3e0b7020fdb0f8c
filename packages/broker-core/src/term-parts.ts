import type { ConnectionId, Destination } from '@batonmq/model';
import type { Clock, Logger, Random } from '@batonmq/runtime';
import type { Lease } from '@batonmq/store-spi';
import type { Destinations } from './destination/destinations.ts';
import type { GroupOwners } from './group/group-owners.ts';
import type { Usage, UsageWatch } from './limit/usage.ts';
import type { RecoveryImages } from './image/recovery-images.ts';
import type { Window } from './destination/queue.ts';
import type { WantedStore } from './virtual/wanted-store.ts';
import type { EndOfTurn } from './end-of-turn.ts';
import type { BrokerEvent } from './events.ts';
import type { ExpiryWatch } from './expiry/expiry-watch.ts';
import type { DeadLetters } from './message/dead-letters.ts';
import type { ProducerMarks } from './message/producer-marks.ts';
import type { BrokerSettings } from './options.ts';
import type { Policies } from './policy/policies.ts';
import type { DurableSubscriptions } from './subscription/durable-subscriptions.ts';
import type { Scheduler } from './scheduler/scheduler.ts';
import type { Principal } from './security/security.ts';
import type { WriteQueue } from './write-queue.ts';

/** What the parts of a term share. A term is one stay in the active role: it has one lease. */
export interface TermParts {
  readonly settings: BrokerSettings;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly lease: Lease;
  readonly writes: WriteQueue;
  readonly endOfTurn: EndOfTurn;
  /** Hears of all the usages that follow, and of those of destinations. */
  readonly usages: UsageWatch;
  readonly memory: Usage;
  /** Bytes of the stored messages of all queues. */
  readonly stored: Usage;
  /** Bytes of those among them that are stored for want of memory. */
  readonly paged: Usage;
  /** Bytes of stored messages that queues keep ready, all together. */
  readonly window: Window;
  /** Bytes of the sends of open transactions, all together. */
  readonly openTransactions: { usedBytes: number };
  readonly policies: Policies;
  readonly destinations: Destinations;
  readonly groupOwners: GroupOwners;
  readonly wanted: WantedStore;
  readonly expiry: ExpiryWatch;
  readonly durables: DurableSubscriptions;
  readonly images: RecoveryImages;
  readonly deadLetters: DeadLetters;
  readonly marks: ProducerMarks;
  readonly scheduler: Scheduler;
  /** True when the lease is gone: whatever comes back from the store late is ignored. */
  readonly isOver: boolean;
  /** True when the broker stops: nothing more is given out or taken in. */
  readonly isDraining: boolean;
  /** Of a live connection. */
  clientIdOf(connectionId: ConnectionId): string | undefined;
  /** The next number of a message entering this broker's memory. */
  nextBrokerSequence(): number;
  readonly emit: (event: BrokerEvent) => void;
  /** Whether what a user collects while it is away may hold messages of a topic; nobody may read nothing. */
  mayRead(reader: Principal | undefined, target: Destination): boolean;
  /** @throws `BATON_UNAUTHORIZED` if that connection may not bring a destination into being. */
  requireCreatable(target: Destination, by: ConnectionId): void;
}
