import { BrokerError } from '@batonmq/model';
import {
  command,
  TRANSACTION_TYPE,
  type LocalTransactionId,
  type SessionId,
  type TransactionInfo,
} from '@batonmq/openwire';
import type { Channel, ReplayCommand } from '../connection/channel.ts';
import type { Consumer, ConsumerOptions } from '../consumer/consumer.ts';
import type { CallOptions } from '../deadline.ts';
import { closedError, lookedAfter } from '../errors.ts';
import type { DestinationLike } from '../message/wire-destination.ts';
import { checkOptionNames } from '../option-names.ts';
import type { Producer, ProducerOptions } from '../producer/producer.ts';
import { Transaction } from './transaction.ts';

/**
 * When a delivered message counts as dealt with:
 * - `auto`: when `receive` has returned it, when the loop comes back for the next one, or when the
 *   listener's promise has resolved;
 * - `dups-ok`: as `auto`, told to the broker in batches: fewer commands, more redeliveries after a crash;
 * - `client`: when `acknowledge()` is called on it or a later message of the session;
 * - `individual`: when `acknowledge()` is called on it.
 */
export type AcknowledgeMode = 'auto' | 'dups-ok' | 'client' | 'individual';

export interface SessionOptions {
  /** @defaultValue 'auto' */
  readonly acknowledge?: AcknowledgeMode;
  /** Deliveries and sends take effect together, at `commit`. @defaultValue false */
  readonly isTransacted?: boolean;
}

const SESSION_OPTION_NAMES = {
  acknowledge: true,
  isTransacted: true,
} satisfies Record<keyof SessionOptions, true>;

const ACKNOWLEDGE_MODES: readonly string[] = [
  'auto',
  'dups-ok',
  'client',
  'individual',
] satisfies AcknowledgeMode[];

/** What a session uses of its connection. */
export interface SessionContext {
  readonly channel: Channel;
  readonly requestTimeoutMs: number;
  readonly transactionReplayBytes: number;
  readonly trackTransactionProducers: boolean;
  /** Calls `run` when no send of any session waits for the connection's window. */
  afterSends(run: () => void): void;
  nextTransactionId(): LocalTransactionId;
  makeProducer(
    session: Session,
    target: DestinationLike | undefined,
    options: ProducerOptions,
  ): Promise<Producer>;
  makeConsumer(
    session: Session,
    target: DestinationLike,
    options: ConsumerOptions,
  ): Promise<Consumer>;
  /** Sends it when told to. Resolves also if the connection breaks: that rolls back too. */
  rollBack(
    info: TransactionInfo,
    when: (transmit: () => void) => void,
    options: CallOptions,
  ): Promise<void>;
  /** Asks a broker how a commit ended; see docs/formats/openwire-extensions.md. */
  outcomeOf(
    id: LocalTransactionId,
    options: CallOptions,
  ): Promise<'committed' | 'rolled-back' | 'unknown'>;
  closed(session: Session): void;
}

/** Consumers and producers that share a way of acknowledging, and transactions if it is transacted. */
export class Session {
  readonly id: SessionId;
  readonly acknowledgeMode: AcknowledgeMode;
  readonly isTransacted: boolean;
  readonly producers = new Set<Producer>();
  readonly consumers = new Set<Consumer>();
  readonly #context: SessionContext;
  #transaction: Transaction | undefined;
  /** Being committed, until its commit is written; a reconnect before that replays it. */
  #committing: Transaction | undefined;
  #isClosed = false;
  #endsWithConsumer = false;

  /** Use `createSession` of a connection. */
  constructor(id: SessionId, options: SessionOptions, context: SessionContext) {
    checkOptionNames('createSession', options, SESSION_OPTION_NAMES);
    this.id = id;
    this.acknowledgeMode = options.acknowledge ?? 'auto';
    if (!ACKNOWLEDGE_MODES.includes(this.acknowledgeMode)) {
      throw new BrokerError(
        'BATON_INVALID_OPTION',
        `acknowledge is "${this.acknowledgeMode}"; ${ACKNOWLEDGE_MODES.join(', ')} are allowed`,
        { details: { option: 'acknowledge' } },
      );
    }
    this.isTransacted = options.isTransacted ?? false;
    this.#context = context;
  }

  /**
   * A producer for one destination, or for any if none is given.
   *
   * @throws (rejects) BrokerError `BATON_INVALID_DESTINATION`, `BATON_UNAUTHORIZED`, `BATON_TIMEOUT`,
   *   `BATON_CLOSED`, or what else the broker answers.
   */
  createProducer(destination?: DestinationLike, options: ProducerOptions = {}): Promise<Producer> {
    this.#assertOpen();
    return lookedAfter(this.#context.makeProducer(this, destination, options));
  }

  /**
   * A consumer. Messages are on their way when this resolves.
   *
   * @throws (rejects) BrokerError `BATON_INVALID_DESTINATION`, `BATON_INVALID_SELECTOR`,
   *   `BATON_UNAUTHORIZED`, `BATON_TIMEOUT`, `BATON_CLOSED`, or what else the broker answers.
   */
  createConsumer(destination: DestinationLike, options: ConsumerOptions = {}): Promise<Consumer> {
    this.#assertOpen();
    return lookedAfter(this.#context.makeConsumer(this, destination, options));
  }

  /**
   * Makes everything sent and received since the last commit take effect: all of it or nothing.
   *
   * @throws (rejects) BrokerError `BATON_TRANSACTION_ROLLED_BACK`: nothing took effect, messages
   *   are delivered again. `BATON_COMMIT_IN_DOUBT`: the connection broke during the commit and the
   *   broker, one that is not BatonMQ, cannot say how it ended.
   */
  commit(options: CallOptions = {}): Promise<void> {
    return lookedAfter(this.#commit(options));
  }

  /** Undoes everything since the last commit; messages received in it are delivered again. */
  rollback(options: CallOptions = {}): Promise<void> {
    return lookedAfter(this.#rollback(options));
  }

  /** Delivers again what was delivered and not acknowledged; for sessions without transactions. */
  recover(): void {
    if (this.isTransacted)
      throw new BrokerError('BATON_INVALID_STATE', 'A transacted session rolls back');
    for (const consumer of this.consumers) consumer.redeliver();
  }

  /** Closes its consumers and producers too. An open transaction is rolled back. */
  async close(options: CallOptions = {}): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    try {
      if (this.#transaction !== undefined) await this.#rollback(options);
      await Promise.all([...this.consumers].map((consumer) => consumer.close(options)));
      await Promise.all([...this.producers].map((producer) => producer.close()));
    } finally {
      this.#leave();
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  // For consumers, producers and the connection

  /** The transaction that work done now belongs to, begun if there is none; `undefined` if not transacted. */
  transactionForWork(): Transaction | undefined {
    if (!this.isTransacted) return undefined;
    if (this.#transaction === undefined) {
      const { channel, transactionReplayBytes } = this.#context;
      this.#transaction = new Transaction(
        this.#context.nextTransactionId(),
        transactionReplayBytes,
      );
      channel.post(this.#transaction.begin());
    }
    return this.#transaction;
  }

  /** It exists for one consumer only and has no use after it. */
  endsWithConsumer(): void {
    this.#endsWithConsumer = true;
  }

  consumerEnded(consumer: Consumer): void {
    this.consumers.delete(consumer);
    if (!this.#endsWithConsumer || this.#isClosed) return;
    this.#isClosed = true;
    this.#leave();
  }

  flushAcks(): void {
    for (const consumer of this.consumers) consumer.flushAcks();
  }

  interrupted(): void {
    this.#transaction?.interrupted();
    this.#committing?.interrupted();
    for (const consumer of this.consumers) consumer.interrupted();
  }

  *replay(): Iterable<ReplayCommand> {
    yield { command: command('SessionInfo', { sessionId: this.id }) };
    for (const { info } of this.producers) yield { command: info };
    for (const consumer of this.consumers) yield* consumer.replay();
  }

  *replayTransactions(): Iterable<ReplayCommand> {
    const live = this.#context.trackTransactionProducers
      ? new Set([...this.producers].map(({ key }) => key))
      : undefined;
    if (this.#committing !== undefined) yield* this.#committing.replay(live);
    if (this.#transaction !== undefined) yield* this.#transaction.replay(live);
  }

  /** Tells the connection's loss for good to everybody who waits here. */
  failed(error: Error): void {
    for (const consumer of [...this.consumers]) consumer.failed(error);
  }

  #leave(): void {
    this.#context.closed(this);
    this.#context.channel.post(command('RemoveInfo', { objectId: this.id }));
  }

  async #commit(options: CallOptions): Promise<void> {
    this.#assertTransacted();
    const transaction = this.#transaction;
    if (transaction === undefined) return;
    this.#transaction = undefined;
    if (transaction.doom !== undefined) {
      this.#abandon(transaction);
      throw transaction.rolledBack();
    }
    for (const consumer of this.consumers) consumer.acknowledgeTransaction(transaction);
    this.#committing = transaction;
    try {
      await this.#sendCommit(transaction, options);
      for (const consumer of this.consumers) consumer.transactionEnded();
    } catch (thrown) {
      this.#redeliver();
      throw thrown;
    } finally {
      if (this.#committing === transaction) this.#committing = undefined;
    }
  }

  #sendCommit(transaction: Transaction, options: CallOptions): Promise<void> {
    const { channel, requestTimeoutMs } = this.#context;
    const commandId = channel.nextCommandId();
    const info = transaction.info(TRANSACTION_TYPE.commitOnePhase);
    return new Promise((resolve, reject) => {
      channel.enlist({
        command: { ...info, commandId, responseRequired: true },
        what: 'A commit',
        timeoutMs: options.timeoutMs ?? requestTimeoutMs,
        signal: options.signal,
        settle: (error) => {
          if (error === undefined) resolve();
          else reject(error);
        },
        interrupted: (wasWritten) => {
          if (wasWritten) {
            // From here on a replay would do its work a second time.
            this.#committing = undefined;
            this.#resolveDoubt(transaction, options).then(resolve, reject);
            return 'done';
          }
          if (transaction.doom === undefined) return 'keep';
          reject(transaction.rolledBack());
          return 'done';
        },
      });
      this.#afterSends(() => {
        channel.transmit(commandId);
      });
    });
  }

  /** Calls `run` when no send made before waits in line: what ends a transaction must not overtake it. */
  #afterSends(run: () => void): void {
    let next = (): void => {
      this.#context.afterSends(run);
    };
    for (const producer of this.producers) {
      const rest = next;
      next = () => {
        producer.afterSends(rest);
      };
    }
    next();
  }

  async #resolveDoubt(transaction: Transaction, options: CallOptions): Promise<void> {
    const outcome = await this.#context.outcomeOf(transaction.id, options);
    if (outcome === 'committed') return;
    if (outcome === 'rolled-back') throw transaction.rolledBack();
    throw new BrokerError(
      'BATON_COMMIT_IN_DOUBT',
      'The connection broke during the commit, and this broker cannot say how it ended',
      { details: { transaction: Number(transaction.id.value) } },
    );
  }

  async #rollback(options: CallOptions): Promise<void> {
    this.#assertTransacted();
    const transaction = this.#transaction;
    if (transaction === undefined) return;
    this.#transaction = undefined;
    if (transaction.doom !== undefined) {
      this.#abandon(transaction);
      return;
    }
    // As the reference client does: the broker un-marks them and leaves them with the consumer.
    for (const consumer of this.consumers) consumer.acknowledgeTransaction(transaction);
    const when = (run: () => void): void => {
      this.#afterSends(run);
    };
    await this.#context.rollBack(transaction.info(TRANSACTION_TYPE.rollback), when, options);
    this.#redeliver();
  }

  /** The broker may have a part of it that was begun after the reconnect. */
  #abandon(transaction: Transaction): void {
    this.#context.channel.post(transaction.info(TRANSACTION_TYPE.rollback));
    this.#redeliver();
  }

  #redeliver(): void {
    for (const consumer of this.consumers) consumer.redeliver();
  }

  #assertTransacted(): void {
    if (!this.isTransacted) {
      throw new BrokerError(
        'BATON_INVALID_STATE',
        'This session is not transacted: createSession({ isTransacted: true })',
      );
    }
  }

  #assertOpen(): void {
    if (this.#isClosed) throw closedError('The session');
  }
}
