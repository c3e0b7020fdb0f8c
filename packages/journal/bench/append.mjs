/**
 * Question: what does the journal cost on top of the bare write + fdatasync it cannot do without?
 *
 * Workload: 1 KB messages. `one at a time` waits for each append (W1 of docs/testing.md); `N in flight`
 * keeps N appends waiting. The raw figure beside each writes batches of the same size into
 * zero-filled space with `writeSync` and the pool's `fdatasync`, one in flight. Then: restart with
 * 1,000,000 messages stored, index bytes per message, CRC-32C speed. Raw and journal alternate, because the
 * disk's speed changes from minute to minute; compare ratios.
 *
 * Left out: the broker, sockets, a disk that is not this machine's.
 *
 * Run: pnpm --filter @batonmq/journal run bench [messages]
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { destinationNumber, epoch, sequence } from '@batonmq/model';
import { nodeRuntime } from '@batonmq/runtime/node';
import { crc32c } from '../dist/crc32c.js';
import { openJournal } from '../dist/index.js';

const MESSAGE_BYTES = 1024;
const ROUNDS = 3;
const storedCount = Number(process.argv[2] ?? 1_000_000);
const components = nodeRuntime();
const queue = destinationNumber(1);
const body = Buffer.alloc(MESSAGE_BYTES, 'x');
const directory = await mkdtemp(join(process.cwd(), '.bench-journal-'));

try {
  await compare(1, 2_000);
  await compare(10, 10_000);
  await compare(100, 50_000);
  await compare(1000, 200_000);
  await restart();
  checksum();
} finally {
  await rm(directory, { recursive: true });
}

/** Alternates raw and journal, and prints the medians and their ratio. */
async function compare(inFlight, count) {
  const raw = [];
  const journal = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    raw.push(await rawRate(inFlight, count, round));
    journal.push(await journalRate(inFlight, count, round));
  }
  const [rawRateMedian, journalRateMedian] = [median(raw), median(journal)];
  print(`${inFlight} in flight`, {
    rawPerSecond: Math.round(rawRateMedian),
    journalPerSecond: Math.round(journalRateMedian),
    ratio: Number((journalRateMedian / rawRateMedian).toFixed(2)),
  });
}

async function rawRate(inFlight, count, round) {
  const path = join(directory, `raw-${inFlight}-${round}`);
  const file = await components.files.open(path, 'create');
  const batch = Buffer.alloc(inFlight * (MESSAGE_BYTES + 24) + 48, 'x');
  const writes = count / inFlight;
  for (let at = 0; at < batch.length * writes; at += 1 << 20)
    await file.write(Buffer.alloc(1 << 20), at);
  await file.datasync();
  const start = performance.now();
  for (let index = 0; index < writes; index += 1) {
    file.writeSync(batch, index * batch.length);
    await file.datasync();
  }
  const rate = (count * 1000) / (performance.now() - start);
  await file.close();
  await components.files.remove(path);
  return rate;
}

async function journalRate(inFlight, count, round) {
  const path = join(directory, `journal-${inFlight}-${round}`);
  const journal = await declared(path);
  await fill(journal, 0, 2_000, 100);
  // The first full segment is being filled with zeros; the steady state is what is asked for.
  while (journal.inspect().spareBytes === 0) await pause();
  const start = performance.now();
  await fill(journal, 2_000, count, inFlight);
  const rate = (count * 1000) / (performance.now() - start);
  await journal.close();
  await components.files.remove(path);
  return rate;
}

async function declared(path) {
  const journal = await openJournal({ directory: path, epoch: epoch(1), components });
  await journal.append([{ type: 'destination-added', destination: queue, key: 'queue://A' }]);
  return journal;
}

/** Appends `count` messages, each its own append, `inFlight` at a time. */
async function fill(journal, from, count, inFlight) {
  let next = from;
  const producer = async () => {
    while (next < from + count) {
      next += 1;
      const targets = [{ destination: queue, sequence: sequence(next) }];
      await journal.append([{ type: 'message-added', targets, payload: [body] }]);
    }
  };
  await Promise.all(Array.from({ length: inFlight }, producer));
}

async function restart() {
  const path = join(directory, 'backlog');
  const memoryBefore = externalBytes();
  const journal = await declared(path);
  const start = performance.now();
  await fill(journal, 0, storedCount, 1000);
  const enqueueMs = performance.now() - start;
  const memoryAfter = externalBytes();
  // Not closed: restart as after kill -9.
  const again = performance.now();
  const next = await openJournal({ directory: path, epoch: epoch(2), components });
  const opened = performance.now();
  const messages = await next.read(queue, sequence(1), { messageCountMax: 1, bytesMax: 1 });
  const firstMessageMs = performance.now() - again;
  print(`restart with ${storedCount} messages`, {
    enqueuedPerSecond: Math.round((storedCount * 1000) / enqueueMs),
    openMs: Math.round(opened - again),
    firstMessageMs: Math.round(firstMessageMs),
    found: messages.length,
    memoryBytesPerMessage: Number(((memoryAfter - memoryBefore) / storedCount).toFixed(1)),
    rssMb: Math.round(process.memoryUsage().rss / 1e6),
  });
  await next.close();
}

function checksum() {
  const block = Buffer.alloc(MESSAGE_BYTES, 'y');
  const count = 500_000;
  for (let index = 0; index < count; index += 1) crc32c(block);
  const start = performance.now();
  for (let index = 0; index < count; index += 1) crc32c(block);
  const gigabytes = (count * MESSAGE_BYTES) / 1e6 / (performance.now() - start);
  print('CRC-32C', { gigabytesPerSecond: Number(gigabytes.toFixed(2)) });
}

function pause() {
  return new Promise((resolve) => {
    components.clock.setImmediate(resolve);
  });
}

function externalBytes() {
  return process.memoryUsage().arrayBuffers + process.memoryUsage().heapUsed;
}

function median(values) {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;
}

function print(what, figures) {
  console.log(JSON.stringify({ what, ...figures }));
}
