import { sequence } from '@batonmq/model';
import { silentLogger } from '@batonmq/runtime';
import { nodeRuntime } from '@batonmq/runtime/node';
import { startPostgres, temporaryDirectory } from '@batonmq/services';
import type { WriteRecord } from '@batonmq/store-spi';
import { expect, test } from 'vitest';
import { readPage } from '../../src/content/page-reader.ts';
import { SteadySession } from '../../src/database/steady-session.ts';
import { A, added, B, bytes, message, removed } from '../fixtures/records.ts';
import { TableWriter } from '../fixtures/table-writer.ts';
import { databaseOn, rowsOf } from './postgresql-place.ts';

const MANY = 100_000;
const PER_WRITE = 10_000;
const PER_PAGE = 100;

test('a page reads its own rows, whatever else there is or was', { timeout: 120_000 }, async () => {
  await using directory = await temporaryDirectory();
  await using server = await startPostgres({ directory: directory.path, isDurable: false });
  const database = databaseOn([server.port]);
  const writer = await TableWriter.create(database, await database.connect('work'));
  const { session, tables, rows } = writer;
  const { clock } = nodeRuntime();
  const ending = new AbortController();
  const steady = new SteadySession({
    clock,
    database,
    logger: silentLogger,
    purpose: 'work',
    signal: ending.signal,
  });

  const page = async (from: number) => {
    const limits = { messageCountMax: PER_PAGE, bytesMax: 1 << 20 };
    const messages = await readPage(steady, { database, tables, rows }, A, sequence(from), limits);
    return messages.map((each) => each.sequence);
  };
  const pageFrom = (first: number) => Array.from({ length: PER_PAGE }, (_, at) => first + 2 * at);
  /** What all sessions have done with the table so far. */
  const soFar = async () => {
    for (const each of [await steady.get(), session]) {
      await rowsOf(each, 'select pg_stat_force_next_flush()');
    }
    const [row] = await rowsOf(
      session,
      `select seq_scan as scans, idx_tup_fetch as rows from pg_stat_user_tables where relname = '${tables.messages}'`,
    );
    return { scans: Number(row?.['scans']), rows: Number(row?.['rows']) };
  };
  const change = async (until: number, toRecord: (number: number) => WriteRecord) => {
    for (let from = 1; from <= until; from += PER_WRITE) {
      await writer.write(Array.from({ length: PER_WRITE }, (_, at) => toRecord(from + at)));
    }
  };
  const placeOf = (number: number) => (number % 2 === 0 ? A : B);

  // The statements are planned while there is nothing, and nobody counts the rows later.
  await rowsOf(session, `alter table ${tables.messages} set (autovacuum_enabled = off)`);
  await writer.write([added(A, 'queue://A'), added(B, 'queue://B')]);
  expect(await page(1)).toEqual([]);

  const atFirst = await soFar();
  await change(MANY, (number) => message(placeOf(number), number, bytes(`${number}`)));
  const filled = await soFar();
  expect(await page(MANY / 2)).toEqual(pageFrom(MANY / 2));
  const paged = await soFar();
  expect(paged.rows - filled.rows).toBeLessThanOrEqual(2 * PER_PAGE);

  await change(MANY - PER_WRITE, (number) => removed(placeOf(number), number));
  const emptied = await soFar();
  expect(emptied.rows - paged.rows).toBe(MANY - PER_WRITE);
  expect(await page(1)).toEqual(pageFrom(MANY - PER_WRITE + 2));
  const pagedAgain = await soFar();
  expect(pagedAgain.rows - emptied.rows).toBeLessThanOrEqual(2 * PER_PAGE);
  expect(pagedAgain.scans).toBe(atFirst.scans);

  session.destroy();
  ending.abort();
});
