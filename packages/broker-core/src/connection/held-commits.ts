import { isBrokerError, type BrokerError } from '@batonmq/model';
import { noRoom, type Obstacle } from '../limit/obstacle.ts';
import type { Router } from '../destination/router.ts';
import type { Transaction } from '../transaction/transaction.ts';
import type { ClientConnection } from './client-connection.ts';
import type { FlowEvents } from './flow-events.ts';

/** How a commit or a prepare goes on after it had to wait. */
export interface CommitSteps {
  proceed(): void;
  /** It cannot: the transaction is to be rolled back, and its client to be told. */
  refuse(error: BrokerError): void;
}

interface HeldCommit extends CommitSteps {
  readonly connection: ClientConnection;
  readonly transaction: Transaction;
  readonly obstacle: Obstacle;
  readonly patienceMs: number;
  readonly deadline: number;
}

/** Commits and prepares that wait for room for their sends. A connection has no more of them than open transactions. */
export class HeldCommits {
  readonly #router: Router;
  readonly #events: FlowEvents;
  #all: readonly HeldCommit[] = [];

  constructor(router: Router, events: FlowEvents) {
    this.#router = router;
    this.#events = events;
  }

  get isEmpty(): boolean {
    return this.#all.length === 0;
  }

  get firstDeadline(): number {
    return Math.min(...this.#all.map(({ deadline }) => deadline));
  }

  /** True while that transaction waits. */
  has(key: string): boolean {
    return this.#all.some(({ transaction }) => transaction.key === key);
  }

  add(held: HeldCommit): void {
    this.#all = [...this.#all, held];
    this.#events.blocked(held.connection, held.transaction.firstSend, held.obstacle);
  }

  /** Lets those go on that have room now. */
  relieved(): void {
    const all = this.#all;
    this.#all = [];
    for (const held of all) {
      try {
        if (held.transaction.obstacle(this.#router) !== undefined) {
          this.#all = [...this.#all, held];
          continue;
        }
        this.#end(held, () => {
          held.proceed();
        });
      } catch (error) {
        if (!isBrokerError(error)) throw error;
        this.#end(held, () => {
          held.refuse(error);
        });
      }
    }
  }

  /** Refuses those that waited for too long. */
  failLate(now: number): void {
    const late = this.#all.filter(({ deadline }) => deadline <= now);
    this.#all = this.#all.filter(({ deadline }) => deadline > now);
    for (const held of late) {
      this.#end(held, () => {
        held.refuse(noRoom(held.obstacle, held.patienceMs));
      });
    }
  }

  /** The transactions of a connection that closes; they are its to roll back. */
  take(connection: ClientConnection): readonly Transaction[] {
    const taken = this.#all.filter((held) => held.connection === connection);
    this.#all = this.#all.filter((held) => held.connection !== connection);
    for (const { transaction } of taken) this.#events.unblocked(transaction.firstSend);
    return taken.map(({ transaction }) => transaction);
  }

  #end({ transaction }: HeldCommit, step: () => void): void {
    this.#events.unblocked(transaction.firstSend);
    step();
  }
}
