/**
 * How near is a write to PostgreSQL to what the server can take?
 *
 *   npx tsc -b packages/store-jdbc-lock && node packages/store-jdbc-lock/bench/postgresql-write.mjs port [payload bytes] [seconds]
 *
 * Workload: messages of 1 KB for one queue, in writes of 1 to 1000, one write after the other. `added`: they are added.
 * `replaced`: as many older ones are removed as well. The raw figure is a multi-row insert of the same rows, prepared,
 * through the same driver into a table with the same columns, key and settings: no fence, no counters. The ways alternate,
 * because machines are not equally fast for long; compare ratios. Settings of the server are its own: `fsync` should
 * be on. The server is that of tests: user and database `mq` on the loopback interface, no password.
 *
 * Left out: the broker, group commit, a network.
 */
import { performance } from 'node:perf_hooks';
import { destinationNumber, sequence } from '@batonmq/model';
import { silentLogger } from '@batonmq/runtime';
import pg from 'pg';
import { postgresqlDatabase } from '../dist/database/postgresql/postgresql-database.js';
import { LeaseRows } from '../dist/lease/lease-row.js';
import { migrate, readLease } from '../dist/schema/migrate.js';
import { tablesWith } from '../dist/schema/tables.js';
import { ChangeSet } from '../dist/write/change-set.js';

const [port, payloadBytes = 1024, seconds = 6] = process.argv.slice(2).map(Number);
const QUEUE = destinationNumber(1);
const PAYLOAD = Buffer.alloc(payloadBytes, 'x');
const EPOCH = 1;
const ROUNDS = 5;

const server = { host: '127.0.0.1', port };
const tables = tablesWith('bench_');
const database = postgresqlDatabase({
  hosts: [server],
  user: 'mq',
  database: 'mq',
  connectTimeoutMs: 5_000,
  leaseDurationMs: 600_000,
  tables,
});
const session = await database.connect('work');
const raw = new pg.Client({ ...server, user: 'mq', database: 'mq' });
await raw.connect();
const rawTexts = new Map();
let batch = 0;
let next = 1;
let oldest = 1;

try {
  await makeTables();
  for (const messageCount of [1, 10, 100, 1000]) await compare(messageCount);
} finally {
  await dropTables();
  session.destroy();
  await raw.end();
}

async function makeTables() {
  await dropTables();
  const rows = new LeaseRows(database, tables, 600_000);
  const place = { database, tables, rows };
  const lease = await readLease(session, place);
  await session.run(
    rows.take(lease, 'expiry', { holder: 'bench', owner: 'bench', hasLock: false }),
  );
  await migrate(session, place, { epoch: EPOCH, schemaVersion: 0 }, silentLogger);
  await write([{ type: 'destination-added', destination: QUEUE, key: 'queue://Q' }]);
  await raw.query(`create table bench_raw (like ${tables.messages} including all)`);
}

async function dropTables() {
  const names = [...Object.values(tables), 'bench_raw'].join(', ');
  await raw.query(`drop table if exists ${names}`);
}

/** Alternates the ways, and prints the median of each and its ratio to the raw one. */
async function compare(messageCount) {
  const ways = { raw: rawInsert, added: add, replaced: replace };
  const rates = { raw: [], added: [], replaced: [] };
  for (let round = 0; round < ROUNDS; round += 1) {
    for (const [name, way] of Object.entries(ways)) {
      rates[name].push(await rateOf(way, messageCount));
    }
  }
  const medians = Object.fromEntries(
    Object.entries(rates).map(([name, values]) => [name, Math.round(median(values))]),
  );
  const ratio = (rate) => Number((rate / medians.raw).toFixed(2));
  const ratios = { addedToRaw: ratio(medians.added), replacedToRaw: ratio(medians.replaced) };
  console.log(JSON.stringify({ messageCount, payloadBytes, perSecond: medians, ...ratios }));
}

async function rateOf(way, messageCount) {
  // Whatever has to be prepared is.
  await way(messageCount);
  const start = performance.now();
  const end = start + (seconds * 1000) / ROUNDS / 3;
  let count = 0;
  while (performance.now() < end) {
    await way(messageCount);
    count += messageCount;
  }
  return (count * 1000) / (performance.now() - start);
}

async function add(messageCount) {
  await write(Array.from({ length: messageCount }, message));
}

async function replace(messageCount) {
  const removed = Array.from({ length: messageCount }, () => ({
    type: 'message-removed',
    destination: QUEUE,
    sequence: sequence(oldest++),
  }));
  await write([...Array.from({ length: messageCount }, message), ...removed]);
}

function message() {
  const targets = [{ destination: QUEUE, sequence: sequence(next++) }];
  return { type: 'message-added', targets, payload: [PAYLOAD] };
}

async function write(records) {
  const changes = new ChangeSet(1);
  changes.add(records);
  batch += 1;
  const isWritten = await database.write(session, changes, tables, { epoch: EPOCH, batch });
  if (!isWritten) throw new Error('Somebody else writes to these tables');
}

async function rawInsert(messageCount) {
  await raw.query({
    name: `raw_${messageCount}`,
    text: rawTextOf(messageCount),
    values: Array.from({ length: messageCount }, () => [
      1,
      next++,
      0,
      payloadBytes,
      PAYLOAD,
    ]).flat(),
  });
}

function rawTextOf(messageCount) {
  const known = rawTexts.get(messageCount);
  if (known !== undefined) return known;
  const rows = Array.from({ length: messageCount }, (_, row) => {
    const columns = Array.from({ length: 5 }, (__, column) => `$${row * 5 + column + 1}`);
    return `(${columns.join(', ')})`;
  });
  const text = `insert into bench_raw (destination, sequence, redelivery_count, byte_count, payload) values ${rows.join(', ')}`;
  rawTexts.set(messageCount, text);
  return text;
}

function median(values) {
  return [...values].sort((a, b) => a - b)[values.length >> 1];
}
