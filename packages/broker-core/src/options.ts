import { BrokerError } from '@batonmq/model';
import {
  TIMESTAMP_DEFAULTS,
  timestampProblems,
  type TimestampOptions,
  type TimestampSettings,
} from './message/timestamps.ts';

const MIB = 2 ** 20;
const DAY_MS = 86_400_000;

/** Limits and times of a broker. All numbers are whole. */
export interface BrokerOptions {
  /**
   * Memory for messages that are kept nowhere else (non-persistent ones, backlogs of topic
   * consumers), in bytes, from 1 MiB. At the limit senders wait. The sends of all open transactions
   * together may take as much again; more fail their transaction.
   *
   * @defaultValue 256 MiB
   */
  readonly memoryLimitBytes?: number;
  /**
   * The same for one destination, so that one of them cannot stop all; at most `memoryLimitBytes`.
   *
   * @defaultValue 64 MiB
   */
  readonly destinationMemoryLimitBytes?: number;
  /**
   * Stored messages of all queues and durable subscriptions, in bytes as they are written; a message that
   * is in several counts in each. Senders wait, as for memory. What the files or tables
   * need may be more for a while. 0 is none: the store refuses when it is full itself.
   *
   * @defaultValue 0
   */
  readonly storeLimitBytes?: number;
  /**
   * The part of it that is for messages which are not persistent and found no memory at a queue with
   * `producerFlowControl: false`. 0 is none.
   *
   * @defaultValue 0
   */
  readonly tempLimitBytes?: number;
  /**
   * How long a send that asked for a receipt waits for room before it fails with `BATON_LIMIT`, in
   * milliseconds from 1.
   *
   * @defaultValue 30 000
   */
  readonly sendTimeoutMs?: number;
  /**
   * Messages that a queue keeps ready in memory; the rest of its backlog stays in the store until
   * there is room. From 16.
   *
   * @defaultValue 8192
   */
  readonly queueWindowMessages?: number;
  /**
   * The same in bytes (each message counts 1024 more than its body and properties).
   *
   * @defaultValue 16 MiB
   */
  readonly queueWindowBytes?: number;
  /**
   * Bytes of all such windows together; beyond it a queue keeps 32 messages.
   *
   * @defaultValue 96 MiB
   */
  readonly windowBytes?: number;
  /**
   * Messages read from the store at once, from 1 to half of `queueWindowMessages`.
   *
   * @defaultValue 1000
   */
  readonly pageMessages?: number;
  /** Bytes read from the store at once. @defaultValue 1 MiB */
  readonly pageBytes?: number;
  /**
   * Bytes handed to the store that are not yet durable; beyond it the input of connections that
   * send is paused until half of them are.
   *
   * @defaultValue 64 MiB
   */
  readonly writeBytesMax?: number;
  /** Bytes after which a write batch does not wait for the end of the turn. @defaultValue 4 MiB */
  readonly writeBatchBytes?: number;
  /**
   * How long acks that nobody waits for may wait for other writes to ride with, in milliseconds.
   * A crash in that time means their messages are delivered again.
   *
   * @defaultValue 5
   */
  readonly ackDelayMs?: number;
  /**
   * Producers whose high-water mark is kept, to recognise what they send again after a failover. Beyond
   * it those that were idle longest are forgotten.
   *
   * @defaultValue 20 000
   */
  readonly producerMarksMax?: number;
  /** Commits whose outcome can be asked for; beyond it the oldest is forgotten. @defaultValue 10 000 */
  readonly transactionOutcomesMax?: number;
  /** Sends and acks of one open transaction; one more fails it. @defaultValue 100 000 */
  readonly transactionOperationsMax?: number;
  /** Bytes of the sends of one open transaction; more fail it. @defaultValue 64 MiB */
  readonly transactionBytesMax?: number;
  /** Open transactions of one connection, local and XA ones each. @defaultValue 1000 */
  readonly transactionsPerConnectionMax?: number;
  /**
   * Prepared XA transactions that wait for their verdict; a prepare beyond it is rolled back.
   *
   * @defaultValue 1000
   */
  readonly preparedTransactionsMax?: number;
  /**
   * Undelivered messages kept for one topic consumer; beyond it its oldest is dropped.
   *
   * @defaultValue 100 000
   */
  readonly topicBacklogMessages?: number;
  /**
   * How long a topic consumer that takes nothing may hold up senders at the memory limit, in
   * milliseconds. After that it keeps `slowConsumerBacklogMessages` and the oldest beyond are dropped
   * until it takes some.
   *
   * @defaultValue 5000
   */
  readonly slowConsumerTimeoutMs?: number;
  /** See `slowConsumerTimeoutMs`. @defaultValue 1000 */
  readonly slowConsumerBacklogMessages?: number;
  /** Messages a browser is shown at most, oldest first. @defaultValue 10 000 */
  readonly browseMessagesMax?: number;
  /**
   * Time between two looks for what topics keep too long, for durable subscriptions nobody comes back to, and for room
   * for expired messages that found none as dead letters; in milliseconds from 1. When messages expire does
   * not depend on it. @defaultValue 30 000
   */
  readonly expiryScanIntervalMs?: number;
  /** Name of the queue of dead letters. @defaultValue 'ActiveMQ.DLQ' */
  readonly deadLetterQueue?: string;
  /** Whether expired messages become dead letters; they are dropped otherwise. @defaultValue true */
  readonly areExpiredDeadLettered?: boolean;
  /** Whether non-persistent messages become dead letters, made persistent. @defaultValue false */
  readonly areNonPersistentDeadLettered?: boolean;
  /**
   * Message groups of one queue whose owner is remembered while none of their messages is out. Beyond it the
   * group that was quiet longest finds a new owner with its next message; its order holds all the same.
   *
   * @defaultValue 65 536
   */
  readonly messageGroupOwnersMax?: number;
  /**
   * How long after a takeover message groups wait for their owners to come back, in milliseconds from
   * 0. Groups without an owner wait for nobody.
   *
   * @defaultValue 10 000
   */
  readonly messageGroupOwnerWaitMs?: number;
  /** Queues and topics, temporary ones included; making one more fails with `BATON_LIMIT`. @defaultValue 100 000 */
  readonly destinationsMax?: number;
  /**
   * Writes the user who sent a message into it (`JMSXUserID`), over whatever the client wrote there.
   *
   * @defaultValue false
   */
  readonly populateJMSXUserID?: boolean;
  /** Connections; one more is refused with `BATON_LIMIT`. @defaultValue 10 000 */
  readonly connectionsMax?: number;
  /**
   * Whether messages are delivered when their `AMQ_SCHEDULED_…` properties say; without it, at once.
   *
   * @defaultValue true
   */
  readonly schedulerSupport?: boolean;
  /** The greatest `AMQ_SCHEDULED_REPEAT`; a send with more fails with `BATON_LIMIT`. @defaultValue 1000 */
  readonly maxSchedulerRepeatAllowed?: number;
  /**
   * Messages that wait for their time, about 500 bytes of memory each; one more fails with `BATON_LIMIT`.
   *
   * @defaultValue 100 000
   */
  readonly scheduledJobsMax?: number;
  /**
   * How far ahead the first delivery of a message may be, in milliseconds; a send with more fails with
   * `BATON_LIMIT`.
   *
   * @defaultValue 10 years
   */
  readonly scheduleHorizonMs?: number;
  /** Whether and how messages get the time of this broker when they arrive. */
  readonly timestamp?: TimestampOptions;
  /** Pause before the store is asked again after it failed while waiting in line, in milliseconds. @defaultValue 1000 */
  readonly acquireRetryMs?: number;
}

/** Complete and checked {@link BrokerOptions}. */
export type BrokerSettings = Readonly<Required<Omit<BrokerOptions, 'timestamp'>>> & {
  readonly timestamp: TimestampSettings;
};

export const BROKER_DEFAULTS: BrokerSettings = Object.freeze({
  memoryLimitBytes: 256 * MIB,
  destinationMemoryLimitBytes: 64 * MIB,
  storeLimitBytes: 0,
  tempLimitBytes: 0,
  sendTimeoutMs: 30_000,
  queueWindowMessages: 8192,
  queueWindowBytes: 16 * MIB,
  windowBytes: 96 * MIB,
  pageMessages: 1000,
  pageBytes: MIB,
  writeBytesMax: 64 * MIB,
  writeBatchBytes: 4 * MIB,
  ackDelayMs: 5,
  producerMarksMax: 20_000,
  transactionOutcomesMax: 10_000,
  transactionOperationsMax: 100_000,
  transactionBytesMax: 64 * MIB,
  transactionsPerConnectionMax: 1000,
  preparedTransactionsMax: 1000,
  topicBacklogMessages: 100_000,
  slowConsumerTimeoutMs: 5000,
  slowConsumerBacklogMessages: 1000,
  browseMessagesMax: 10_000,
  expiryScanIntervalMs: 30_000,
  deadLetterQueue: 'ActiveMQ.DLQ',
  areExpiredDeadLettered: true,
  areNonPersistentDeadLettered: false,
  messageGroupOwnersMax: 65_536,
  messageGroupOwnerWaitMs: 10_000,
  destinationsMax: 100_000,
  populateJMSXUserID: false,
  connectionsMax: 10_000,
  schedulerSupport: true,
  maxSchedulerRepeatAllowed: 1000,
  scheduledJobsMax: 100_000,
  scheduleHorizonMs: 10 * 365 * DAY_MS,
  timestamp: TIMESTAMP_DEFAULTS,
  acquireRetryMs: 1000,
});

/** The least each number may be; every one not named here may be 1. */
const MINIMUM: Partial<Record<keyof BrokerSettings, number>> = {
  memoryLimitBytes: MIB,
  destinationMemoryLimitBytes: 1024,
  storeLimitBytes: 0,
  tempLimitBytes: 0,
  queueWindowMessages: 16,
  ackDelayMs: 0,
  messageGroupOwnerWaitMs: 0,
};

/** @throws `BATON_INVALID_OPTION` naming everything that is wrong with the options. */
export function resolveBrokerOptions(options: BrokerOptions = {}): BrokerSettings {
  const settings = { ...BROKER_DEFAULTS, ...withoutUndefined(options) };
  const problems = [...wrongValues(settings), ...wrongRelations(settings, options)];
  if (problems.length > 0) {
    throw new BrokerError('BATON_INVALID_OPTION', `Wrong broker options: ${problems.join('; ')}`);
  }
  return Object.freeze({
    ...settings,
    destinationMemoryLimitBytes: Math.min(
      settings.destinationMemoryLimitBytes,
      settings.memoryLimitBytes,
    ),
    pageMessages: Math.min(settings.pageMessages, settings.queueWindowMessages >> 1),
    timestamp: Object.freeze({ ...TIMESTAMP_DEFAULTS, ...settings.timestamp }),
  });
}

function withoutUndefined(options: BrokerOptions): BrokerOptions {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
}

function* wrongValues(settings: object): Generator<string> {
  for (const [name, value] of Object.entries(settings) as [keyof BrokerSettings, unknown][]) {
    if (!Object.hasOwn(BROKER_DEFAULTS, name)) {
      yield `"${name}" is unknown`;
      continue;
    }
    if (name === 'timestamp' && typeof value === 'object' && value !== null) {
      yield* timestampProblems(name, value);
      continue;
    }
    const wanted = name === 'timestamp' ? 'mapping' : typeof BROKER_DEFAULTS[name];
    if (typeof value !== wanted) yield `"${name}" must be a ${wanted}`;
    if (value === '') yield `"${name}" must not be empty`;
    if (typeof value !== 'number') continue;
    const least = MINIMUM[name] ?? 1;
    if (!Number.isSafeInteger(value) || value < least) {
      yield `"${name}" must be a whole number from ${least} up, not ${value}`;
    }
  }
}

/** Only between values that were given: a default adapts to what it depends on. */
function* wrongRelations(
  settings: Omit<BrokerSettings, 'timestamp'>,
  given: BrokerOptions,
): Generator<string> {
  if ((given.destinationMemoryLimitBytes ?? 0) > settings.memoryLimitBytes) {
    yield '"destinationMemoryLimitBytes" must not be greater than "memoryLimitBytes"';
  }
  if ((given.pageMessages ?? 0) * 2 > settings.queueWindowMessages) {
    yield '"pageMessages" must not be greater than half of "queueWindowMessages"';
  }
}
