import { expect, test } from 'vitest';
import { statementOf } from '../../src/database/statement-of.ts';
import { A, added, bytes, message } from '../fixtures/records.ts';
import { TableWriter } from '../fixtures/table-writer.ts';
import type { SuiteContext } from './suite-context.ts';

const CLOCK_DIFFERENCE_MAX_MS = 60_000;

export function sessionTests(context: SuiteContext): void {
  test('tells the time of the database in milliseconds', async () => {
    const { database, session, tables } = await context.newWriter();
    const { knex, now } = database;
    const query = statementOf(knex(tables.lease).select(knex.raw(`${now} as now_ms`)));
    const read = async () => Number((await session.run(query)).rows[0]?.['now_ms']);
    const first = await read();
    expect(Number.isInteger(first)).toBe(true);
    expect(Math.abs(first - Date.now())).toBeLessThan(CLOCK_DIFFERENCE_MAX_MS);
    while ((await read()) === first);
    expect(await read()).toBeGreaterThan(first);
  });

  test('gives rows with the values that were put into them', async () => {
    const { database, session, tables } = await context.newWriter();
    const bigNumber = Number.MAX_SAFE_INTEGER;
    const inserted = await session.run(
      statementOf(
        database
          .knex(tables.states)
          .insert({ state_hash: 'h', space: 'naïve', state_key: "'", value: Buffer.of(0, 255) }),
      ),
    );
    expect(inserted.changedCount).toBe(1);
    await session.run(
      statementOf(
        database
          .knex(tables.producers)
          .insert({ producer_hash: 'h', producer: '🐇', sequence: bigNumber }),
      ),
    );
    const { rows: states } = await session.run(statementOf(database.knex(tables.states)));
    expect(states).toHaveLength(1);
    expect(states[0]).toMatchObject({ state_hash: 'h', space: 'naïve', state_key: "'" });
    expect([...(states[0]?.['value'] as Uint8Array)]).toEqual([0, 255]);
    const { rows: marks } = await session.run(statementOf(database.knex(tables.producers)));
    expect(marks).toEqual([{ producer_hash: 'h', producer: '🐇', sequence: bigNumber }]);
  });

  test('counts the rows that a statement changed', async () => {
    const { database, session, tables, rows } = await context.newWriter();
    const setOwner = (epoch: number) =>
      statementOf(database.knex(tables.lease).where({ epoch }).update({ owner: 'b' }));
    expect((await session.run(setOwner(TableWriter.EPOCH))).changedCount).toBe(1);
    // Changed to what it was before: the row was found, and that is what a lease has to know.
    expect((await session.run(setOwner(TableWriter.EPOCH))).changedCount).toBe(1);
    expect((await session.run(setOwner(TableWriter.EPOCH + 1))).changedCount).toBe(0);
    expect((await session.run(rows.read())).rows).toHaveLength(1);
  });

  test('goes on after a statement that failed', async () => {
    const { database, session, tables } = await context.newWriter();
    const failing = session.run({ sql: `select no_such_column from ${tables.lease}`, values: [] });
    const error: unknown = await failing.catch((reason: unknown) => reason);
    expect(database.failureOf(error)).toBe('fatal');
    expect((await session.run(statementOf(database.knex(tables.lease)))).rows).toHaveLength(1);
  });

  test('carries out statements in the order in which they were given', async () => {
    const { database, session, tables } = await context.newWriter();
    const owners = Array.from({ length: 20 }, (_, at) => `owner ${at}`);
    const read = await Promise.all(
      owners.map(async (owner) => {
        const done = session.run(statementOf(database.knex(tables.lease).update({ owner })));
        const reading = session.run(statementOf(database.knex(tables.lease).select('owner')));
        await done;
        return (await reading).rows[0]?.['owner'];
      }),
    );
    expect(read).toEqual(owners);
  });

  test('ends at once, and so does what is under way', async () => {
    const { database } = context;
    const writer = await context.newWriter();
    await writer.write([added(A, 'queue://A')]);
    const { session } = writer;
    const under = writer.tryWrite(
      { epoch: TableWriter.EPOCH, batch: writer.batch + 1 },
      Array.from({ length: 2_000 }, (_, at) => message(A, at + 1, bytes('x'))),
    );
    const outcome = under.catch((reason: unknown) => reason);
    session.destroy();
    session.destroy();
    expect(database.failureOf(await outcome)).toBe('disconnected');
    expect(await session.ended).toBeInstanceOf(Error);
    const after: unknown = await session
      .run(statementOf(database.knex(writer.tables.lease)))
      .catch((reason: unknown) => reason);
    expect(database.failureOf(after)).toBe('disconnected');
  });

  test('another one sees what was written, and renews the lease between writes', async () => {
    const writer = await context.newWriter();
    const other = await context.newSession('lock');
    await writer.write([added(A, 'queue://A')]);
    const mine = { holder: '5a3c1d0e-0000-4000-8000-000000000001', owner: 'a', hasLock: true };
    const renewing = Promise.all(
      Array.from({ length: 20 }, () => other.run(writer.rows.renew(TableWriter.EPOCH, mine))),
    );
    for (let number = 1; number <= 50; number += 1) {
      await writer.write([message(A, number, bytes(`${number}`))]);
    }
    for (const { changedCount } of await renewing) expect(changedCount).toBe(1);
    const seen = await other.run(statementOf(context.database.knex(writer.tables.messages)));
    expect(seen.rows).toHaveLength(50);
  });
}
