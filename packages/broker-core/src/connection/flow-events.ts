import type { Message } from '@batonmq/model';
import type { Obstacle } from '../limit/obstacle.ts';
import type { TermParts } from '../term-parts.ts';
import type { ClientConnection } from './client-connection.ts';

/** A producer that waits, and for how many reasons at once. */
interface Blocked {
  readonly connection: ClientConnection;
  readonly obstacle: Obstacle;
  count: number;
}

/** Tells watchers who is held up and where; each thing once, until it is over. */
export class FlowEvents {
  readonly #parts: TermParts;
  /** By destination. */
  readonly #full = new Map<string, Obstacle>();
  /** By producer. */
  readonly #blocked = new Map<string, Blocked>();

  constructor(parts: TermParts) {
    this.#parts = parts;
  }

  get isAnywhereFull(): boolean {
    return this.#full.size > 0;
  }

  /** A send met an obstacle. */
  met(obstacle: Obstacle): void {
    const { destination } = obstacle.target;
    if (this.#full.has(destination.key)) return;
    this.#full.set(destination.key, obstacle);
    const limit = obstacle.usage.status;
    this.#parts.emit({ type: 'destination-full', destination, limit });
  }

  /** Something was relieved. */
  relieved(): void {
    for (const [key, { target, usage }] of this.#full) {
      if (usage.isFull && !target.isRemoved) continue;
      this.#full.delete(key);
      this.#parts.emit({ type: 'destination-relieved', destination: target.destination });
    }
  }

  blocked(connection: ClientConnection, message: Message, obstacle: Obstacle): void {
    const { producerId } = message;
    const found = this.#blocked.get(producerId.key);
    if (found !== undefined) {
      found.count += 1;
      return;
    }
    this.#blocked.set(producerId.key, { connection, obstacle, count: 1 });
    this.#parts.emit({
      type: 'producer-blocked',
      destination: obstacle.target.destination,
      connectionId: connection.connectionId,
      producerId,
      limit: obstacle.usage.status,
    });
  }

  unblocked({ producerId }: Message): void {
    const found = this.#blocked.get(producerId.key);
    if (found === undefined) return;
    found.count -= 1;
    if (found.count > 0) return;
    this.#blocked.delete(producerId.key);
    this.#parts.emit({
      type: 'producer-unblocked',
      destination: found.obstacle.target.destination,
      connectionId: found.connection.connectionId,
      producerId,
    });
  }
}
