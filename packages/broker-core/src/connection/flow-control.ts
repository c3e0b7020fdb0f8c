import { BrokerError, isBrokerError, type Message } from '@batonmq/model';
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
  readonly mark: ProducerMark;
  /** Its sends that wait for room; later ones queue up behind them, so its order is kept. */
  heldCount: number;
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
 * more than what was already read from the socket.
 */
export class FlowControl {
  readonly #parts: TermParts;
  readonly #router: Router;
  /** In order of arrival, which is the order of deadlines too. */
  #held: HeldSend[] = [];
  readonly #heldCounts = new Map<ClientConnection, number>();
  /** Connections whose input is paused, each with the message that shows what it waits for. */
  readonly #paused = new Map<ClientConnection, Message>();
  #cancelTimer: CancelTimer | undefined;
  #isLookPlanned = false;

  constructor(parts: TermParts, router: Router) {
    this.#parts = parts;
    this.#router = router;
  }

  /** Takes a message, now or when there is room. @throws as `Router.check`. */
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
    this.#router.send(message, producer, receipt, connection.failures);
    if (isHeldUp || this.#parts.writes.isCongested) this.#pause(connection, message);
  }

  /** Memory was relieved, or the write path: looks at the end of the turn who can go on. */
  relieved(): void {
    if (this.#isLookPlanned || (this.#held.length === 0 && this.#paused.size === 0)) return;
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
    if (receipt === undefined || heldCount >= HELD_SENDS_MAX) this.#pause(connection, message);
  }

  #pause(connection: ClientConnection, message: Message): void {
    if (this.#paused.has(connection)) return;
    this.#paused.set(connection, message);
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
    for (const [connection, message] of this.#paused) {
      if (this.#parts.writes.isCongested || this.#isHeldUp(message)) continue;
      if (this.#heldCounts.has(connection)) continue;
      this.#paused.delete(connection);
      connection.control.resumeInput();
    }
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
    const first = this.#held[0];
    if (first === undefined || this.#cancelTimer !== undefined) return;
    const delay = Math.max(0, first.deadline - this.#parts.clock.now());
    this.#cancelTimer = this.#parts.clock.setTimer(delay, () => {
      this.#cancelTimer = undefined;
      if (!this.#parts.isOver) this.#failLate();
    });
  }

  #failLate(): void {
    const now = this.#parts.clock.now();
    const late = this.#held.filter(({ deadline }) => deadline <= now);
    this.#held = this.#held.filter(({ deadline }) => deadline > now);
    const { sendTimeoutMs } = this.#parts.settings;
    for (const send of late) {
      const { connection, message, receipt } = send;
      this.#letGo(send);
      const { key } = message.destination;
      const text = `${key} had no memory for another message within ${sendTimeoutMs} ms; the message was not taken`;
      const error = new BrokerError('BATON_LIMIT', text, { details: { destination: key } });
      connection.refuse(error, receipt);
    }
    this.relieved();
    this.#armTimer();
  }
}
