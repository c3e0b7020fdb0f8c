import type { Message } from '@batonmq/model';
import { patienceMs, type Obstacle } from '../limit/obstacle.ts';
import type { TermParts } from '../term-parts.ts';
import type { ClientConnection } from './client-connection.ts';
import type { FlowEvents } from './flow-events.ts';

/**
 * How long the input of a connection may rest that still has messages to ack. Longer delays acks
 * behind its sends; shorter lets it pass the limit by more before it is refused.
 */
const LET_ON_AFTER_MS = 100;

interface Pause {
  /** What was taken although there was no room for it. */
  readonly message: Message;
  /** None if the write path is congested: everybody waits for the disk, acks too. */
  readonly obstacle: Obstacle | undefined;
  readonly since: number;
  readonly deadline: number;
  /** True while its input goes on all the same, until the next send without room. */
  isLetOn: boolean;
  isInputPaused: boolean;
}

/**
 * Connections whose input is paused, because something that they sent without a receipt found no room.
 *
 * Acks come in through the same input. So a connection that has messages to ack is let on every
 * {@link LET_ON_AFTER_MS}, and what it sends meanwhile is taken until the limit is passed twice over. Others wait for
 * their whole time. After either, what is sent without a receipt to a place that is still full is refused.
 */
export class PausedInputs {
  readonly #parts: TermParts;
  readonly #events: FlowEvents;
  readonly #obstacleOf: (message: Message) => Obstacle | undefined;
  readonly #paused = new Map<ClientConnection, Pause>();
  /** Connections whose pause was too long, each with what it waited for. */
  readonly #overdue = new Map<ClientConnection, Message>();

  constructor(
    parts: TermParts,
    events: FlowEvents,
    obstacleOf: (message: Message) => Obstacle | undefined,
  ) {
    this.#parts = parts;
    this.#events = events;
    this.#obstacleOf = obstacleOf;
  }

  get isAnyPaused(): boolean {
    return this.#paused.size > 0 || this.#overdue.size > 0;
  }

  /** When {@link look} has something to do; infinite if never. */
  get nextLookAt(): number {
    for (const { isLetOn } of this.#paused.values()) {
      if (!isLetOn) return this.#parts.clock.now() + LET_ON_AFTER_MS;
    }
    return Infinity;
  }

  pause(connection: ClientConnection, message: Message, obstacle: Obstacle | undefined): void {
    const found = this.#paused.get(connection);
    if (found?.isLetOn === false) return;
    const since = this.#parts.clock.now();
    const { settings, endOfTurn } = this.#parts;
    const patience = obstacle ? patienceMs(obstacle, settings) : settings.sendTimeoutMs;
    const pause: Pause = {
      ...{ message, obstacle, since, deadline: since + patience },
      ...{ isLetOn: false, isInputPaused: false },
    };
    if (found?.obstacle !== undefined) this.#events.unblocked(found.message);
    this.#paused.set(connection, pause);
    if (obstacle !== undefined) this.#events.blocked(connection, message, obstacle);
    endOfTurn.run(() => {
      if (this.#paused.get(connection) !== pause || pause.isLetOn) return;
      pause.isInputPaused = true;
      connection.control.pauseInput();
    });
  }

  /** How long a connection has waited, if its sends without a receipt are refused now. */
  waitedMs(connection: ClientConnection, obstacle: Obstacle): number | undefined {
    if (this.#overdue.has(connection)) return patienceMs(obstacle, this.#parts.settings);
    const pause = this.#paused.get(connection);
    if (pause?.isLetOn !== true || !obstacle.usage.isOverfull) return undefined;
    return this.#parts.clock.now() - pause.since;
  }

  /** Something has room again. */
  relieved(held: ReadonlyMap<ClientConnection, number>): void {
    for (const [connection, message] of this.#overdue) {
      if (this.#obstacleOf(message) === undefined) this.#overdue.delete(connection);
    }
    for (const [connection, { message }] of this.#paused) {
      if (this.#parts.writes.isCongested || held.has(connection)) continue;
      if (this.#obstacleOf(message) === undefined) this.#end(connection);
    }
  }

  /** Lets those on that waited long enough. */
  look(now: number, held: ReadonlyMap<ClientConnection, number>): void {
    // A slow disk is waited for as long as it takes: with it, acks make no room either.
    if (this.#parts.writes.isCongested) return;
    for (const [connection, pause] of this.#paused) {
      if (pause.isLetOn) continue;
      if (connection.isOwingAcks) {
        if (now - pause.since < LET_ON_AFTER_MS) continue;
        pause.isLetOn = true;
        this.#resume(connection, pause);
      } else if (pause.deadline <= now && !held.has(connection)) {
        this.#overdue.set(connection, pause.message);
        this.#end(connection);
      }
    }
  }

  forget(connection: ClientConnection): void {
    this.#overdue.delete(connection);
    const pause = this.#paused.get(connection);
    this.#paused.delete(connection);
    if (pause?.obstacle !== undefined) this.#events.unblocked(pause.message);
  }

  #end(connection: ClientConnection): void {
    const pause = this.#paused.get(connection);
    if (pause === undefined) return;
    this.#paused.delete(connection);
    if (pause.obstacle !== undefined) this.#events.unblocked(pause.message);
    this.#resume(connection, pause);
  }

  #resume(connection: ClientConnection, pause: Pause): void {
    if (!pause.isInputPaused) return;
    pause.isInputPaused = false;
    connection.control.resumeInput();
  }
}
