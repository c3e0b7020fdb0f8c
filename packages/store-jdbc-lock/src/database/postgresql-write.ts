import type { Tables } from '../schema/tables.ts';
import type { ChangeSet } from '../write/change-set.ts';
import { PayloadBlock, type Extent } from '../write/payload-block.ts';
import { escapeName, hashOf } from './names.ts';
import type { Statement } from './session.ts';

/**
 * A change as one statement: one way to the server and back, and it commits by itself.
 *
 * The fence is its first part. It moves the number of the batch on, in the row that says who holds the lease, and
 * waits there for whoever changes that row; every other part joins it, so without it they do nothing.
 *
 * What a removed destination leaves behind has to be gone before another one gets its number, so then there are
 * two statements, to be run as one transaction.
 */
export function postgresqlWrite(
  changes: ChangeSet,
  tables: Tables,
  epoch: number,
  batch: number,
): readonly Statement[] {
  const isFirst = `update ${tables.lease} set batch = $2 where id = 1 and epoch = $1 and batch = $2 - 1 returning batch`;
  const isFollowing = `select batch from ${tables.lease} where id = 1 and epoch = $1 and batch = $2`;
  const statements: Statement[] = [];
  if (changes.removedDestinations.length > 0) {
    statements.push(removal(changes, new Parts(isFirst, epoch, batch), tables));
  }
  const fence = statements.length === 0 ? isFirst : isFollowing;
  statements.push(rest(changes, new Parts(fence, epoch, batch), tables));
  return statements;
}

/** One statement, put together from named parts. */
class Parts {
  readonly #parts: string[];
  readonly #values: unknown[];

  constructor(fence: string, epoch: number, batch: number) {
    this.#parts = [`fence as (${fence})`];
    this.#values = [epoch, batch];
  }

  add(name: string, sql: string): void {
    this.#parts.push(`${name} as (${sql})`);
  }

  /** A parameter. */
  value(type: string, value: unknown): string {
    return `$${this.#values.push(value)}::${type}`;
  }

  /** Rows of which each column is a parameter. */
  rows(
    columns: Readonly<Record<string, readonly [type: string, values: readonly unknown[]]>>,
  ): string {
    const values = Object.values(columns).map(([type, array]) => this.value(`${type}[]`, array));
    return `unnest(${values.join(', ')}) as t(${Object.keys(columns).join(', ')})`;
  }

  toStatement(): Statement {
    const sql = `with ${this.#parts.join(',\n')}\nselect 1 from fence`;
    return { sql, values: this.#values, name: nameOf(this.#parts) };
  }
}

/** Statements of the same parts are the same. */
function nameOf(parts: readonly string[]): string {
  return `write_${parts.map((part) => part.slice(0, part.indexOf(' '))).join('_')}`.slice(0, 63);
}

function removal(changes: ChangeSet, parts: Parts, tables: Tables): Statement {
  const numbers = parts.value('bigint[]', changes.removedDestinations);
  parts.add(
    'forgotten',
    `delete from ${tables.destinations} d using fence where d.destination = any(${numbers})`,
  );
  parts.add(
    'removed',
    `delete from ${tables.messages} m using fence where m.destination = any(${numbers}) returning m.destination, m.byte_count, m.body`,
  );
  addReleasedBodies(parts, tables);
  return parts.toStatement();
}

function rest(changes: ChangeSet, parts: Parts, tables: Tables): Statement {
  const removed = changes.removedMessages;
  if (removed.length > 0) {
    const rows = parts.rows({
      destination: ['bigint', removed.map(({ destination }) => destination)],
      sequence: ['bigint', removed.map(({ sequence }) => sequence)],
    });
    parts.add(
      'removed',
      `delete from ${tables.messages} m using fence, ${rows}
        where m.destination = t.destination and m.sequence = t.sequence
        returning m.destination, m.byte_count, m.body`,
    );
    addReleasedBodies(parts, tables);
  }
  addRedeliveries(changes, parts, tables);
  const block = new PayloadBlock();
  const blockValue = parts.value('bytea', undefined);
  addMessages(changes, parts, tables, block, blockValue);
  return parts.toStatement();
}

function addReleasedBodies(parts: Parts, tables: Tables): void {
  parts.add(
    'released',
    'select body, count(*) as place_count from removed where body is not null group by body',
  );
  parts.add(
    'kept',
    `update ${tables.bodies} b set place_count = b.place_count - r.place_count from released r
      where b.body = r.body and b.place_count > r.place_count`,
  );
  parts.add(
    'freed',
    `delete from ${tables.bodies} b using released r where b.body = r.body and b.place_count = r.place_count`,
  );
}
