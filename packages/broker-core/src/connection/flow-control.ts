import { BrokerError, isBrokerError, type Destination, type Message } from '@batonmq/model';
import type { CancelTimer } from '@batonmq/runtime';
import type { Router } from '../destination/router.ts';
import type { ProducerMark } from '../message/producer-marks.ts';
import type { TermParts } from '../term-parts.ts';
import type { ClientConnection } from './client-connection.ts';
import type { Receipt } from './connection.ts';

/** Sends of one connection that may wait for room before its input is paused. */
const HELD_SENDS_MAX = 64;

/** A producer of a connection. */
export interface ProducerState {
  /** None if no send of it can come twice. */
  readonly mark: ProducerMark | undefined;
  /** Its sends that wait for room; later ones queue up behind them, so its order is kept. */
  heldCount: number;
  /** Where its last message went, if it may send there; so one comparison clears the next. */
  cleared: Destination | undefined;
}

/** Why the input of a connection is paused: its last message went where there is no room. */
interface Pause {
  readonly message: Message;
  readonly deadline: number;
}

interface HeldSend {
  readonly connection: ClientConnection;
  readonly producer: ProducerState;
  readonly message: Message;
  readonly receipt: Receipt | undefined;
  readonly deadline: number;
}

/**
 * Slows senders down when memory is full.
 *
 * A send with a receipt waits, `sendTimeoutMs` at most; its sender waits for the receipt. One without
 * has no such brake: it is taken, and the input of its connection is paused, so that limits are passed by no
 * more than what was already read from the socket. The input goes on after `sendTimeoutMs` too, or the
 * acks that would make room might wait in it; what is sent without a receipt to a place that is still full
 * is then refused.
 */
export class FlowControl {
  readonly #parts: TermParts;
  readonly #router: Router;
  /** In order of arrival, which is the order of deadlines too. */
  #held: HeldSend[] = [];
  readonly #heldCounts = new Map<ClientConnection, number>();
  /** In order of their deadlines. */
  readonly #paused = new Map<ClientConnection, Pause>();
  /** Connections whose pause was too long, each with what it waited for. */
  readonly #overdue = new Map<ClientConnection, Message>();
  #cancelTimer: CancelTimer | undefined;
  #cancelWatch: CancelTimer | undefined;
  #isLookPlanned = false;

  constructor(parts: TermParts, router: Router) {
    this.#parts = parts;
    this.#router = router;
  }

  /** Takes a message, now or when there is room. @throws as `Router.check`, `BATON_LIMIT`. */
  send(
    connection: ClientConnection,
    producer: ProducerState,
    message: Message,
    receipt: Receipt | undefined,
  ): void {
    const isHeldUp = this.#router.isHeldUp(message);
    if (producer.heldCount > 0 || (isHeldUp && receipt !== undefined)) {
      this.#hold(connection, producer, message, receipt);
      return;
    }
    if (isHeldUp && this.#overdue.has(connection)) throw this.#noMemory(message);
    this.#router.send(message, producer, receipt, connection.failures);
    if (isHeldUp || this.#parts.writes.isCongested) this.#pause(connection, message);
  }

  /** Memory was relieved, or the write path: looks at the end of the turn who can go on. */
  relieved(): void {
    if (this.#isLookPlanned || !this.#isAnyoneWaiting) return;
    this.#isLookPlanned = true;
    this.#parts.endOfTurn.run(() => {
      this.#isLookPlanned = false;
      this.#sendHeld();
      this.#resumePaused();
    });
  }

  /** Its held sends were never taken; its clients will see it closed instead of a receipt. */
  forget(connection: ClientConnection): void {
    this.#paused.delete(connection);
    this.#overdue.delete(connection);
    if (!this.#heldCounts.delete(connection)) return;
    this.#held = this.#held.filter((send) => send.connection !== connection);
  }

  #hold(
    connection: ClientConnection,
    producer: ProducerState,
    message: Message,
    receipt: Receipt | undefined,
  ): void {
    const deadline = this.#parts.clock.now() + this.#parts.settings.sendTimeoutMs;
    this.#held.push({ connection, producer, message, receipt, deadline });
    producer.heldCount += 1;
    const heldCount = (this.#heldCounts.get(connection) ?? 0) + 1;
    this.#heldCounts.set(connection, heldCount);
    this.#armTimer();
    this.#watchSlowConsumers();
    if (receipt === undefined || heldCount >= HELD_SENDS_MAX) this.#pause(connection, message);
  }

  #pause(connection: ClientConnection, message: Message): void {
    if (this.#paused.has(connection)) return;
    const deadline = this.#parts.clock.now() + this.#parts.settings.sendTimeoutMs;
    this.#paused.set(connection, { message, deadline });
    this.#armTimer();
    this.#watchSlowConsumers();
    this.#parts.endOfTurn.run(() => {
      if (this.#paused.has(connection)) connection.control.pauseInput();
    });
  }

  #sendHeld(): void {
    const held = this.#held;
    this.#held = [];
    const blocked = new Set<ProducerState>();
    for (const send of held) {
      if (blocked.has(send.producer) || this.#isHeldUp(send.message)) {
        blocked.add(send.producer);
        this.#held.push(send);
      } else {
        this.#sendOne(send);
      }
    }
    this.#armTimer();
  }

  #sendOne(send: HeldSend): void {
    const { connection, producer, message, receipt } = send;
    this.#letGo(send);
    try {
      this.#router.send(message, producer, receipt, connection.failures);
    } catch (error) {
      if (!isBrokerError(error)) throw error;
      connection.refuse(error, receipt);
    }
  }

  #resumePaused(): void {
    for (const [connection, message] of this.#overdue) {
      if (!this.#isHeldUp(message)) this.#overdue.delete(connection);
    }
    for (const [connection, { message }] of this.#paused) {
      if (this.#parts.writes.isCongested || this.#isHeldUp(message)) continue;
      if (this.#heldCounts.has(connection)) continue;
      this.#paused.delete(connection);
      connection.control.resumeInput();
    }
  }

  /** A slow disk is waited for as long as it takes: with it, acks make no room either. */
  #resumeLate(now: number): void {
    const { sendTimeoutMs } = this.#parts.settings;
    for (const [connection, { message, deadline }] of this.#paused) {
      if (deadline > now) return;
      this.#paused.delete(connection);
      if (this.#parts.writes.isCongested || this.#heldCounts.has(connection)) {
        this.#paused.set(connection, { message, deadline: now + sendTimeoutMs });
      } else {
        this.#overdue.set(connection, message);
        connection.control.resumeInput();
      }
    }
  }

  get #isAnyoneWaiting(): boolean {
    return this.#held.length > 0 || this.#paused.size > 0 || this.#overdue.size > 0;
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

  #letGo({ connection, producer }: HeldSend): void {
    producer.heldCount -= 1;
    const heldCount = (this.#heldCounts.get(connection) ?? 0) - 1;
    if (heldCount > 0) this.#heldCounts.set(connection, heldCount);
    else this.#heldCounts.delete(connection);
  }

  /** A destination that went away holds nothing up; sending tells what is wrong. */
  #isHeldUp(message: Message): boolean {
    try {
      return this.#router.isHeldUp(message);
    } catch {
      return false;
    }
  }

  #armTimer(): void {
    if (this.#cancelTimer !== undefined) return;
    const [paused] = this.#paused.values();
    const first = Math.min(this.#held[0]?.deadline ?? Infinity, paused?.deadline ?? Infinity);
    if (first === Infinity) return;
    const delay = Math.max(0, first - this.#parts.clock.now());
    this.#cancelTimer = this.#parts.clock.setTimer(delay, () => {
      this.#cancelTimer = undefined;
      if (!this.#parts.isOver) this.#failLate();
    });
  }

  #failLate(): void {
    const now = this.#parts.clock.now();
    const late = this.#held.filter(({ deadline }) => deadline <= now);
    this.#held = this.#held.filter(({ deadline }) => deadline > now);
    for (const send of late) {
      const { connection, message, receipt } = send;
      this.#letGo(send);
      connection.refuse(this.#noMemory(message), receipt);
    }
    this.#resumeLate(now);
    this.relieved();
    this.#armTimer();
  }

  #noMemory({ destination: { key } }: Message): BrokerError {
    const { sendTimeoutMs } = this.#parts.settings;
    const text = `${key} had no memory for another message within ${sendTimeoutMs} ms; the message was not taken`;
    return new BrokerError('BATON_LIMIT', text, { details: { destination: key } });
  }
}
