/**
 * Where the first message of each destination is at the earliest.
 *
 * A database keeps the index entries of deleted rows until it has time to clean up, and whoever looks for the first
 * message walks over them: half a second for each million messages that were consumed lately, in the midst of a
 * takeover. So the holder looks now and then, from where it looked last, and notes what it found with its next write:
 * as keyed state of its own, which brokers never see.
 */
import { destinationNumber, type DestinationNumber } from '@batonmq/model';
import { hashOf } from '../database/names.ts';
import type { Row, Session, Statement } from '../database/session.ts';
import { statementOf } from '../database/statement-of.ts';
import type { SteadySession } from '../database/steady-session.ts';
import type { Place } from '../schema/migrate.ts';
import type { ChangeSet } from '../write/change-set.ts';

/** No broker's names have a NUL in front. */
const SPACE = '\0first-sequence';

/** Messages removed from a destination between two looks. A look walks over as many, in about 10 ms. */
const REMOVED_MAX = 20_000;

interface Tracked {
  /** No message is before this one. */
  first: number;
  removedCount: number;
  isBeingLookedFor: boolean;
}

/** True for keyed state that is not the broker's. */
export function isOwnState(space: string): boolean {
  return space === SPACE;
}

export class FirstSequences {
  readonly #place: Place;
  readonly #reading: SteadySession;
  readonly #tracked = new Map<DestinationNumber, Tracked>();
  /** Found, and not written yet. */
  readonly #found = new Map<DestinationNumber, number>();

  constructor(place: Place, reading: SteadySession) {
    this.#place = place;
    this.#reading = reading;
  }

  /** The first message of each of these destinations; none for those without. */
  async find(
    session: Session,
    destinations: readonly DestinationNumber[],
  ): Promise<ReadonlyMap<DestinationNumber, number>> {
    const firsts = new Map<DestinationNumber, number>();
    const note = (destination: DestinationNumber, first: Row[string] | undefined): void => {
      if (typeof first === 'number') firsts.set(destination, first);
    };
    const noted = await this.#recall(session, destinations);
    for (const [destination, from] of noted) {
      const { rows } = await session.run(this.#lookFrom(from, [destination]));
      note(destination, rows[0]?.['first_message']);
    }
    const others = destinations.filter((destination) => !noted.has(destination));
    if (others.length === 0) return firsts;
    const { rows } = await session.run(this.#lookFrom(0, others));
    for (const row of rows) {
      note(destinationNumber(Number(row['destination'])), row['first_message']);
    }
    return firsts;
  }

  /** Has a write carry what was found, and forget what is no longer true: a destination's number may come back. */
  addTo(changes: ChangeSet): void {
    const removed = new Set(changes.removedDestinations);
    for (const destination of removed) {
      changes.add([{ type: 'state-removed', space: SPACE, key: String(destination) }]);
    }
    for (const [destination, first] of this.#found) {
      if (removed.has(destination)) continue;
      const value = Buffer.from(String(first));
      changes.add([{ type: 'state-put', space: SPACE, key: String(destination), value }]);
    }
  }

  /** The write took effect. */
  noteWritten(changes: ChangeSet): void {
    this.#found.clear();
    for (const destination of changes.removedDestinations) this.#tracked.delete(destination);
    for (const [destination, count] of changes.removedCounts) {
      const tracked = this.#trackedOf(destination);
      tracked.removedCount += count;
      if (tracked.removedCount < REMOVED_MAX || tracked.isBeingLookedFor) continue;
      void this.#look(destination, tracked);
    }
  }

  /** What earlier holders have noted. */
  async #recall(
    session: Session,
    destinations: readonly DestinationNumber[],
  ): Promise<ReadonlyMap<DestinationNumber, number>> {
    const { database, tables } = this.#place;
    const byHash = new Map(destinations.map((number) => [hashOf(SPACE, String(number)), number]));
    const query = database
      .knex(tables.states)
      .whereIn('state_hash', [...byHash.keys()])
      .select('state_hash', 'value');
    const { rows } = await session.run(statementOf(query));
    const noted = new Map<DestinationNumber, number>();
    for (const { state_hash: hash, value } of rows) {
      const destination = byHash.get(String(hash));
      if (destination === undefined || !(value instanceof Uint8Array)) continue;
      const first = Number(Buffer.from(value).toString());
      noted.set(destination, first);
      this.#tracked.set(destination, { first, removedCount: 0, isBeingLookedFor: false });
    }
    return noted;
  }

  #trackedOf(destination: DestinationNumber): Tracked {
    const known = this.#tracked.get(destination);
    if (known !== undefined) return known;
    const tracked = { first: 0, removedCount: 0, isBeingLookedFor: false };
    this.#tracked.set(destination, tracked);
    return tracked;
  }

  async #look(destination: DestinationNumber, tracked: Tracked): Promise<void> {
    tracked.removedCount = 0;
    tracked.isBeingLookedFor = true;
    const statement = this.#lookFrom(tracked.first, [destination]);
    try {
      const { rows } = await this.#reading.run((session) => session.run(statement));
      // Gone meanwhile, or another one under the same number.
      if (this.#tracked.get(destination) !== tracked || rows[0] === undefined) return;
      tracked.first = Number(rows[0]['first_message'] ?? rows[0]['next_sequence']);
      this.#found.set(destination, tracked.first);
    } catch {
      // The lease has ended, which others tell; or the next look does better.
    } finally {
      tracked.isBeingLookedFor = false;
    }
  }

  /** One statement, so all is of the same moment: what is written after it has greater sequences than any. */
  #lookFrom(from: number, destinations: readonly DestinationNumber[]): Statement {
    const { database, tables } = this.#place;
    const { knex } = database;
    const messages = knex(`${tables.messages} as m`)
      .whereRaw('?? = ??', ['m.destination', `${tables.destinations}.destination`])
      .where('m.sequence', '>=', from)
      .as('first_message');
    // For the least of them MariaDB walks over all. Oracle has no limit that a subquery like this could use.
    const first =
      database.kind === 'oracle'
        ? messages.min('m.sequence')
        : messages.select('m.sequence').orderBy('m.sequence').limit(1);
    return statementOf(
      knex(tables.destinations)
        .whereIn('destination', [...destinations])
        .select('destination', 'next_sequence', first),
    );
  }
}
