import { assert, isBrokerError, type Destination, type Message } from '@batonmq/model';
import type { CancelTimer } from '@batonmq/runtime';
import { isRefusedAtOnce, noRoom, patienceMs, type Obstacle } from '../limit/obstacle.ts';
import type { ProducerPlaces } from '../limit/producer-places.ts';
import type { Router } from '../destination/router.ts';
import type { ProducerMark } from '../message/producer-marks.ts';
import type { TermParts } from '../term-parts.ts';
import type { Transaction } from '../transaction/transaction.ts';
import type { ClientConnection } from './client-connection.ts';
import type { Receipt } from './connection.ts';
import { FlowEvents } from './flow-events.ts';
import { HeldCommits, type CommitSteps } from './held-commits.ts';
import { PausedInputs } from './paused-inputs.ts';

/** Sends of one connection that may wait for room before its input is paused. */
const HELD_SENDS_PAUSE = 64;

/** Sends that may wait although its input has to go on for its acks; one more is refused. */
const HELD_SENDS_MAX = 1024;

/** A producer of a connection. */
export interface ProducerState {
  /** None if no send of it can come twice. */
  readonly mark: ProducerMark | undefined;
  /** Its sends that wait for room; later ones of the same line queue up behind them, so its order is kept. */
  heldCount: number;
  /** What the youngest of them waits for. */
  heldBy: Obstacle | undefined;
  /** Where its last message went, if it may send there; so one comparison clears the next. */
  cleared: Destination | undefined;
  /** Destinations that know their producers and that it is one of. */
  places: Set<ProducerPlaces> | undefined;
}

interface HeldSend {
  readonly connection: ClientConnection;
  readonly producer: ProducerState;
  readonly message: Message;
  readonly receipt: Receipt | undefined;
  readonly obstacle: Obstacle;
  readonly patienceMs: number;
  readonly deadline: number;
}

/**
 * Slows senders down when a destination, or the broker, is full.
 *
 * A send with a receipt waits, `sendFailIfNoSpaceAfterTimeout` or `sendTimeoutMs` at most; its sender
 * waits for the receipt. One without has no such brake: it is taken, and the input of its connection
 * is paused ({@link PausedInputs}), so that limits are passed by no more than what was already read
 * from the socket. What a transaction sends is taken as it comes; its commit waits like a send.
 * With `sendFailIfNoSpace` nobody waits.
 *
 * Nothing that only makes room comes here: acks, rollbacks, removals, and commits that take out as
 * many messages as they bring.
 */
export class FlowControl {
  readonly #parts: TermParts;
  readonly #router: Router;
  /** Whether some destinations have to know their producers. */
  readonly #knowsProducers: boolean;
  readonly #events: FlowEvents;
  readonly #commits: HeldCommits;
  readonly #inputs: PausedInputs;
  /** In order of arrival. */
  #held: HeldSend[] = [];
  readonly #heldCounts = new Map<ClientConnection, number>();
  #cancelTimer: CancelTimer | undefined;
  #timerAt = Infinity;
  #cancelWatch: CancelTimer | undefined;
  #isLookPlanned = false;

  constructor(parts: TermParts, router: Router) {
    this.#parts = parts;
    this.#router = router;
    this.#knowsProducers = parts.policies.entries.some(
      ({ maxProducers = 0, gcInactiveDestinations = false }) =>
        maxProducers > 0 || gcInactiveDestinations,
    );
    this.#events = new FlowEvents(parts);
    this.#commits = new HeldCommits(router, this.#events);
    this.#inputs = new PausedInputs(parts, this.#events, (message) => this.#obstacle(message));
  }

  /** Takes a message, now or when there is room. @throws as `Router.check`, `BATON_LIMIT`. */
  send(
    connection: ClientConnection,
    producer: ProducerState,
    message: Message,
    receipt: Receipt | undefined,
  ): void {
    const obstacle = this.#mayMeetObstacles ? this.#router.obstacle(message, producer) : undefined;
    if (obstacle !== undefined) this.#meet(obstacle, connection, receipt !== undefined);
    const canWait = obstacle !== undefined && receipt !== undefined;
    if (canWait || (producer.heldCount > 0 && this.#hasHeldBefore(producer, message))) {
      this.#hold(connection, producer, message, receipt, obstacle);
      return;
    }
    this.#router.send(message, producer, receipt, connection.failures);
    if (obstacle === undefined && !this.#parts.writes.isCongested) return;
    this.#pause(connection, message, obstacle);
  }

  /** Lets a commit or prepare go on, now or when there is room for its sends. */
  commit(connection: ClientConnection, transaction: Transaction, steps: CommitSteps): void {
    try {
      const obstacle = transaction.obstacle(this.#router);
      if (obstacle === undefined) {
        steps.proceed();
        return;
      }
      this.#meet(obstacle, connection, true);
      const patience = patienceMs(obstacle, this.#parts.settings);
      const deadline = this.#parts.clock.now() + patience;
      this.#commits.add({
        ...{ connection, transaction, obstacle, deadline, patienceMs: patience },
        proceed: () => {
          steps.proceed();
        },
        refuse: (error) => {
          steps.refuse(error);
        },
      });
      this.#armTimer(deadline);
    } catch (error) {
      if (!isBrokerError(error)) throw error;
      steps.refuse(error);
    }
  }

  /** True while the commit of that transaction waits. */
  holdsCommit(key: string): boolean {
    return this.#commits.has(key);
  }

  /** Something has room again, or the write path: looks at the end of the turn who can go on. */
  relieved(): void {
    if (this.#isLookPlanned || !(this.#isAnyoneWaiting || this.#events.isAnywhereFull)) return;
    this.#isLookPlanned = true;
    this.#parts.endOfTurn.run(() => {
      this.#isLookPlanned = false;
      this.#look();
    });
  }

  /**
   * Its held sends were never taken; its clients will see it closed instead of a receipt. Returns the
   * transactions whose commit waited, for it to roll back.
   */
  forget(connection: ClientConnection): readonly Transaction[] {
    this.#inputs.forget(connection);
    if (this.#heldCounts.has(connection)) {
      const dropped = this.#held.filter((send) => send.connection === connection);
      this.#held = this.#held.filter((send) => send.connection !== connection);
      for (const send of dropped) this.#letGo(send);
    }
    return this.#commits.take(connection);
  }

  /** @throws `BATON_LIMIT` if a send may not wait for what it met. */
  #meet(obstacle: Obstacle, connection: ClientConnection, canWait: boolean): void {
    this.#events.met(obstacle);
    this.#watchSlowConsumers();
    if (isRefusedAtOnce(obstacle)) throw noRoom(obstacle, 0);
    if (canWait) return;
    const waitedMs = this.#inputs.waitedMs(connection, obstacle);
    if (waitedMs !== undefined) throw noRoom(obstacle, waitedMs);
  }

  /** Most brokers are not full anywhere and do not limit producers: then no destination is asked. */
  get #mayMeetObstacles(): boolean {
    return this.#knowsProducers || this.#parts.usages.isAnyFull;
  }

  #hasHeldBefore(producer: ProducerState, message: Message): boolean {
    const line = lineOf(producer, message);
    return this.#held.some(
      (held) => held.producer === producer && lineOf(producer, held.message) === line,
    );
  }

  #hold(
    connection: ClientConnection,
    producer: ProducerState,
    message: Message,
    receipt: Receipt | undefined,
    met: Obstacle | undefined,
  ): void {
    const obstacle = met ?? producer.heldBy;
    assert(obstacle !== undefined, 'a send is held for a reason');
    const heldCount = (this.#heldCounts.get(connection) ?? 0) + 1;
    const patience = patienceMs(obstacle, this.#parts.settings);
    if (heldCount > HELD_SENDS_MAX) throw noRoom(obstacle, 0);
    const deadline = this.#parts.clock.now() + patience;
    this.#held.push({
      ...{ connection, producer, message, receipt, obstacle, deadline },
      patienceMs: patience,
    });
    this.#heldCounts.set(connection, heldCount);
    producer.heldCount += 1;
    producer.heldBy = obstacle;
    if (producer.heldCount === 1) this.#events.blocked(connection, message, obstacle);
    this.#armTimer(deadline);
    if (receipt === undefined || heldCount >= HELD_SENDS_PAUSE) {
      this.#pause(connection, message, obstacle);
    }
  }

  #pause(connection: ClientConnection, message: Message, obstacle: Obstacle | undefined): void {
    this.#inputs.pause(connection, message, obstacle);
    this.#armTimer(this.#inputs.nextLookAt);
  }

  #look(): void {
    this.#events.relieved();
    this.#sendHeld();
    this.#commits.relieved();
    this.#inputs.relieved(this.#heldCounts);
    this.#armTimer(this.#nextLookAt);
  }

  #sendHeld(): void {
    const held = this.#held;
    this.#held = [];
    const blocked = new Map<ProducerState, Set<string>>();
    for (const send of held) {
      const { producer, message } = send;
      const lines = blocked.get(producer);
      const line = lineOf(producer, message);
      if (lines?.has(line) !== true && this.#obstacle(message) === undefined) {
        this.#sendOne(send);
        continue;
      }
      blocked.set(producer, (lines ?? new Set()).add(line));
      this.#held.push(send);
    }
  }

  #sendOne(send: HeldSend): void {
    const { connection, producer, message, receipt } = send;
    this.#letGo(send);
    try {
      this.#router.send(message, producer, receipt, connection.failures);
    } catch (error) {
      if (!isBrokerError(error)) throw error;
      connection.refuseSend(error, message, producer, receipt);
    }
  }

  get #isAnyoneWaiting(): boolean {
    return this.#held.length > 0 || this.#inputs.isAnyPaused || !this.#commits.isEmpty;
  }

  /** Topic consumers that keep messages while others wait for memory have a time to take some. */
  #watchSlowConsumers(): void {
    if (this.#cancelWatch !== undefined) return;
    const { clock, destinations, settings } = this.#parts;
    destinations.watchSlowConsumers();
    this.#cancelWatch = clock.setTimer(settings.slowConsumerTimeoutMs, () => {
      this.#cancelWatch = undefined;
      if (!this.#parts.isOver && this.#isAnyoneWaiting) this.#watchSlowConsumers();
    });
  }

  #letGo({ connection, producer, message }: HeldSend): void {
    producer.heldCount -= 1;
    if (producer.heldCount === 0) this.#events.unblocked(message);
    const heldCount = (this.#heldCounts.get(connection) ?? 0) - 1;
    if (heldCount > 0) this.#heldCounts.set(connection, heldCount);
    else this.#heldCounts.delete(connection);
  }

  /** A destination that went away holds nothing up; sending tells what is wrong. */
  #obstacle(message: Message): Obstacle | undefined {
    try {
      return this.#router.obstacle(message);
    } catch (error) {
      if (!isBrokerError(error)) throw error;
      return undefined;
    }
  }

  get #nextLookAt(): number {
    let first = Math.min(this.#inputs.nextLookAt, this.#commits.firstDeadline);
    for (const { deadline } of this.#held) first = Math.min(first, deadline);
    return first;
  }

  #armTimer(at: number): void {
    if (at >= this.#timerAt) return;
    this.#cancelTimer?.();
    this.#timerAt = at;
    const delay = Math.max(0, at - this.#parts.clock.now());
    this.#cancelTimer = this.#parts.clock.setTimer(delay, () => {
      this.#timerAt = Infinity;
      if (!this.#parts.isOver) this.#failLate();
    });
  }

  #failLate(): void {
    const now = this.#parts.clock.now();
    const late = this.#held.filter(({ deadline }) => deadline <= now);
    this.#held = this.#held.filter(({ deadline }) => deadline > now);
    for (const send of late) {
      const { connection, message, producer, receipt, obstacle, patienceMs } = send;
      this.#letGo(send);
      connection.refuseSend(noRoom(obstacle, patienceMs), message, producer, receipt);
    }
    this.#commits.failLate(now);
    this.#inputs.look(now, this.#heldCounts);
    this.relieved();
    this.#armTimer(this.#nextLookAt);
  }
}

/**
 * What must keep its order among the sends of a producer: all of them if it has a mark, which covers whatever
 * was sent before; else those to one destination.
 */
function lineOf({ mark }: ProducerState, { destination }: Message): string {
  return mark === undefined ? destination.key : '';
}
