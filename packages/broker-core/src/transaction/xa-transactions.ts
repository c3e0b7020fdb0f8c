import {
  BrokerError,
  formatTransactionId,
  type DestinationNumber,
  type Sequence,
  type XaTransactionId,
} from '@batonmq/model';
import type { ClientConnection } from '../connection/client-connection.ts';
import type { PrepareReceipt, Receipt } from '../connection/connection.ts';
import { HiddenDestination } from '../destination/hidden-destination.ts';
import type { Lane } from '../dispatch/lane.ts';
import { Queue } from '../destination/queue.ts';
import type { FlowControl } from '../connection/flow-control.ts';
import type { Router } from '../destination/router.ts';
import { sequencesOf } from '../message/runs.ts';
import type { TermParts } from '../term-parts.ts';
import { RepeatedCommit, type CommitOutcomes } from './commit-outcomes.ts';
import { decodePreparedRecord, type AckedRun, type PreparedRecord } from './prepared-record.ts';
import {
  PREPARED_SPACE,
  PreparedTransaction,
  type PreparedParts,
  type Resolution,
} from './prepared-transaction.ts';
import { Transaction } from './transaction.ts';
import { RecoveredAcks } from './transaction-acks.ts';

/** A prepared transaction, as watchers see it. */
export interface PreparedTransactionStatus {
  /** Text form of its id; names it in `Broker.resolvePrepared`. */
  readonly key: string;
  readonly id: XaTransactionId;
  /** Wall clock of the prepare, milliseconds since 1970. */
  readonly preparedAt: number;
  readonly sendCount: number;
  readonly ackCount: number;
}

interface OpenBranch {
  readonly transaction: Transaction;
  readonly owner: ClientConnection;
}

/**
 * The branches of distributed (XA) transactions, of the whole broker and not of one connection. An
 * open one rolls back with the connection that began it; a prepared one waits for its verdict.
 */
export class XaTransactions {
  readonly #parts: PreparedParts;
  readonly #flow: FlowControl;
  readonly #open = new Map<string, OpenBranch>();
  readonly #prepared = new Map<string, PreparedTransaction>();
  #recovered: PreparedRecord[] = [];
  /** Administrators who wait for a verdict to be durable. */
  readonly #waiting = new Set<(reason: BrokerError) => void>();

  constructor(term: TermParts, router: Router, outcomes: CommitOutcomes, flow: FlowControl) {
    this.#flow = flow;
    this.#parts = {
      term,
      router,
      outcomes,
      sends: new HiddenDestination('transaction://prepared', term),
      ended: ({ key }) => {
        this.#prepared.delete(key);
      },
    };
  }

  /** Where the store keeps the sends of prepared transactions. */
  get sends(): HiddenDestination {
    return this.#parts.sends;
  }

  /** Keyed state of the store; {@link endRecovery} follows. */
  recovered(space: string, value: Uint8Array): void {
    if (space !== PREPARED_SPACE) return;
    const record = decodePreparedRecord(value);
    this.#recovered.push(record);
    for (const { destination } of record.acked) {
      this.#parts.term.destinations.reserve(destination);
    }
  }

  endRecovery(): void {
    const records = this.#recovered;
    this.#recovered = [];
    if (records.length === 0) return;
    const lanes = this.#storedLanes();
    for (const record of records) {
      const acks = new RecoveredAcks(placesOf(record.acked, lanes), this.#parts.term);
      const transaction = new PreparedTransaction(record, acks, 'prepared', this.#parts);
      this.#prepared.set(transaction.key, transaction);
    }
  }

  /** Begins or joins a branch. @throws `BATON_LIMIT`. */
  begin(id: XaTransactionId, owner: ClientConnection): void {
    const key = formatTransactionId(id);
    if (this.has(key)) return;
    this.#requireRoom(owner);
    const { term, outcomes } = this.#parts;
    this.#open.set(key, { transaction: new Transaction(id, term, outcomes), owner });
  }

  has(key: string): boolean {
    return this.#open.has(key) || this.#prepared.has(key);
  }

  isPrepared(key: string): boolean {
    return this.#prepared.has(key);
  }

  /** The branch that takes commands; none once it is prepared. */
  open(key: string): Transaction | undefined {
    return this.#open.get(key)?.transaction;
  }

  prepare(id: XaTransactionId, by: ClientConnection, receipt: PrepareReceipt): void {
    const key = formatTransactionId(id);
    const { endOfTurn } = this.#parts.term;
    const refuse = (error: BrokerError): void => {
      endOfTurn.run(() => {
        receipt.settled(error);
      });
    };
    if (this.#prepared.has(key)) {
      this.#repeatPrepare(key, receipt);
      return;
    }
    const transaction = this.#take(key);
    if (transaction === undefined) {
      refuse(unknownTransaction(key));
    } else if (by.isReconnect && this.#parts.outcomes.of(key) === 'committed') {
      // A client that came back repeats all of it: the commit that follows is answered from its outcome.
      transaction.rollBack();
      endOfTurn.run(() => {
        receipt.settled('prepared');
      });
    } else if (transaction.failure !== undefined) {
      transaction.rollBack();
      refuse(rolledBack(key, transaction.failure));
    } else if (transaction.isEmpty) {
      endOfTurn.run(() => {
        receipt.settled('read-only');
      });
    } else {
      this.#flow.commit(by, transaction, {
        proceed: () => {
          this.#prepare(id, transaction, receipt);
        },
        refuse: (error) => {
          this.#abandon(transaction);
          refuse(rolledBack(key, error));
        },
      });
    }
  }

  /** Ends a branch that was not prepared, or one that was. */
  commitOnePhase(id: XaTransactionId, by: ClientConnection, receipt: Receipt): void {
    const key = formatTransactionId(id);
    const prepared = this.#prepared.get(key);
    if (prepared !== undefined) {
      prepared.resolve('commit', receipt);
      return;
    }
    const { endOfTurn } = this.#parts.term;
    const transaction = this.#take(key);
    if (by.isReconnect && this.#parts.outcomes.of(key) !== 'unknown') {
      transaction?.rollBack();
      this.#repeatCommit(key, receipt);
      return;
    }
    if (transaction === undefined) {
      endOfTurn.settle(receipt, unknownTransaction(key));
      return;
    }
    const refuse = (error: BrokerError): void => {
      this.#abandon(transaction);
      endOfTurn.settle(receipt, rolledBack(key, error));
    };
    if (transaction.failure !== undefined) {
      refuse(transaction.failure);
      return;
    }
    this.#flow.commit(by, transaction, {
      proceed: () => {
        transaction.commit(this.#parts.router, {
          settled: (error) => {
            receipt.settled(error && rolledBack(key, error));
          },
        });
      },
      refuse,
    });
  }

  commitTwoPhase(id: XaTransactionId, by: ClientConnection, receipt: Receipt): void {
    const key = formatTransactionId(id);
    const { endOfTurn } = this.#parts.term;
    const prepared = this.#prepared.get(key);
    if (prepared !== undefined) {
      prepared.resolve('commit', receipt);
    } else if (by.isReconnect && this.#parts.outcomes.of(key) !== 'unknown') {
      this.#take(key)?.rollBack();
      this.#repeatCommit(key, receipt);
    } else if (this.#open.has(key)) {
      endOfTurn.settle(receipt, notPrepared(key));
    } else {
      endOfTurn.settle(receipt, unknownTransaction(key));
    }
  }

  rollBack(id: XaTransactionId, receipt: Receipt): void {
    const key = formatTransactionId(id);
    const prepared = this.#prepared.get(key);
    if (prepared !== undefined) {
      prepared.resolve('rollback', receipt);
      return;
    }
    const { endOfTurn } = this.#parts.term;
    const transaction = this.#take(key);
    transaction?.rollBack();
    endOfTurn.settle(receipt, transaction === undefined ? unknownTransaction(key) : undefined);
  }

  /** Its open branches roll back. */
  closed(owner: ClientConnection): void {
    for (const [key, branch] of this.#open) {
      if (branch.owner !== owner) continue;
      this.#open.delete(key);
      branch.transaction.rollBack();
    }
  }

  /** Those that wait for a verdict, the oldest first. */
  prepared(): readonly PreparedTransactionStatus[] {
    return [...this.#prepared.values()]
      .filter(({ isPrepared }) => isPrepared)
      .map(({ key, record: { id, preparedAt, sendCount }, acks }) => ({
        ...{ key, id, preparedAt, sendCount },
        ackCount: acks.count,
      }))
      .sort((one, other) => one.preparedAt - other.preparedAt);
  }

  /** An administrator's verdict. @throws `BATON_UNKNOWN_TRANSACTION`, and what a resolution fails with. */
  async resolve(key: string, verdict: Resolution): Promise<void> {
    const prepared = this.#prepared.get(key);
    if (prepared === undefined) throw unknownTransaction(key);
    await new Promise<void>((resolve, reject) => {
      this.#waiting.add(reject);
      prepared.resolve(verdict, {
        settled: (error) => {
          this.#waiting.delete(reject);
          if (error === undefined) resolve();
          else reject(error);
        },
      });
    });
  }

  /** The lease is gone: nobody here learns how what is on its way ends. */
  end(reason: BrokerError): void {
    for (const reject of this.#waiting) reject(reason);
    this.#waiting.clear();
  }

  #prepare(id: XaTransactionId, transaction: Transaction, receipt: PrepareReceipt): void {
    const { key } = transaction;
    const { term, sends } = this.#parts;
    this.#requireRoomForPrepared();
    const { messages, bytes, acks } = transaction.handOver();
    const acked = acks.storedRuns();
    const sequences = messages.map((message) => sends.add(message));
    const record: PreparedRecord = {
      ...{ id, acked, sendBytes: bytes },
      preparedAt: term.clock.wallTime(),
      firstSend: sequences[0] ?? (0 as Sequence),
      sendCount: sequences.length,
    };
    const prepared = new PreparedTransaction(record, acks, 'preparing', this.#parts);
    this.#prepared.set(key, prepared);
    prepared.prepare({
      settled: (error) => {
        receipt.settled(error === undefined ? 'prepared' : rolledBack(key, error));
      },
    });
  }

  #abandon(transaction: Transaction): void {
    transaction.rollBack();
    this.#parts.term.writes.seal();
  }

  /** Completions settle in order, so by its turn it is known how the first one ended. */
  #repeatPrepare(key: string, receipt: PrepareReceipt): void {
    const { writes } = this.#parts.term;
    writes.complete({
      settled: () => {
        receipt.settled(this.#prepared.has(key) ? 'prepared' : unknownTransaction(key));
      },
    });
    writes.seal();
  }

  #repeatCommit(key: string, receipt: Receipt): void {
    const { outcomes, term } = this.#parts;
    term.writes.complete(new RepeatedCommit(key, outcomes, receipt, () => unknownTransaction(key)));
    term.writes.seal();
  }

  #storedLanes(): ReadonlyMap<DestinationNumber, Lane> {
    const { destinations, durables } = this.#parts.term;
    const all = [...destinations, ...[...durables].map(({ queue }) => queue)];
    const lanes = new Map<DestinationNumber, Lane>();
    for (const each of all) {
      if (!(each instanceof Queue)) continue;
      for (const lane of each.lanes) if (lane.number !== undefined) lanes.set(lane.number, lane);
    }
    return lanes;
  }

  #take(key: string): Transaction | undefined {
    const transaction = this.open(key);
    this.#open.delete(key);
    return transaction;
  }

  #requireRoom(owner: ClientConnection): void {
    const { transactionsPerConnectionMax } = this.#parts.term.settings;
    let count = 0;
    for (const branch of this.#open.values()) if (branch.owner === owner) count += 1;
    if (count < transactionsPerConnectionMax) return;
    throw new BrokerError(
      'BATON_LIMIT',
      `Connection ${owner.connectionId} has ${count} open XA transactions; "transactionsPerConnectionMax" allows no more`,
    );
  }

  #requireRoomForPrepared(): void {
    const { preparedTransactionsMax } = this.#parts.term.settings;
    if (this.#prepared.size < preparedTransactionsMax) return;
    throw new BrokerError(
      'BATON_LIMIT',
      `The broker has ${this.#prepared.size} prepared transactions; "preparedTransactionsMax" allows no more`,
    );
  }
}

/** Places in queues that were removed since are gone with them. */
function placesOf(
  runs: readonly AckedRun[],
  lanes: ReadonlyMap<DestinationNumber, Lane>,
): ReadonlyMap<Lane, readonly Sequence[]> {
  const places = new Map<Lane, Sequence[]>();
  for (const run of runs) {
    const lane = lanes.get(run.destination);
    if (lane === undefined) continue;
    const found = places.get(lane) ?? [];
    places.set(lane, found);
    for (const sequence of sequencesOf([run])) found.push(sequence);
  }
  return places;
}

function unknownTransaction(key: string): BrokerError {
  return new BrokerError('BATON_UNKNOWN_TRANSACTION', `Transaction '${key}' has not been started`, {
    details: { transaction: key },
  });
}

function notPrepared(key: string): BrokerError {
  return new BrokerError(
    'BATON_INVALID_STATE',
    `Transaction ${key} cannot be committed in two phases: it has not been prepared`,
    { details: { transaction: key } },
  );
}

function rolledBack(key: string, cause: BrokerError): BrokerError {
  return new BrokerError(
    'BATON_TRANSACTION_ROLLED_BACK',
    `Transaction ${key} was rolled back: ${cause.message}`,
    { details: { transaction: key, reason: cause.code }, cause },
  );
}
