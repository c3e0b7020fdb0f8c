/**
 * One broker's store in a process of its own, so that a test can kill and stop it.
 *
 *   node store-process.mjs '{"plugin": {"module": "/…/dist/index.js", "factory": "fsLockStore"}, "owner": "a", "options": {"directory": "/data"}}'
 *
 * Stands in line again whenever the lease is lost. Says what happens as lines of JSON, and takes
 * commands as lines on its standard input:
 *
 * - `produce`: from now on append numbered messages to one queue, some at once, whenever active;
 * - `consume`: from now on remove those with even numbers once they are stored;
 * - `pause`: no more of both; answers `paused` when nothing is in flight;
 * - `list`: answers with the sequences of the queue, and who wrote each;
 * - `release`: gives the lease back and ends.
 */
import { destinationNumber, sequence } from '@batonmq/model';
import { jsonLogger, nodeRuntime } from '@batonmq/runtime/node';
import { writeSync } from 'node:fs';
import { performance } from 'node:perf_hooks';
import { createInterface } from 'node:readline';

const QUEUE = destinationNumber(1);
const PAGE = { messageCountMax: 1000, bytesMax: 1e6 };

const { plugin, owner, options, inFlightMax = 4, payloadBytes = 100 } = JSON.parse(process.argv[2]);
const { [plugin.factory]: storeWith } = await import(plugin.module);
const runtime = nodeRuntime({
  ...(process.env.STORE_LOG && { logger: jsonLogger({ write: (line) => writeSync(2, line) }) }),
});
const store = storeWith(options).create(runtime);

let lease;
let next = 1;
let isProducing = false;
let isConsuming = false;
let inFlight = 0;

/** Written at once: what was said is said, also when the process is killed right after. */
function say(event, fields = {}) {
  let rest = Buffer.from(`${JSON.stringify({ event, at: Date.now(), ...fields })}\n`);
  while (rest.length > 0) {
    try {
      rest = rest.subarray(writeSync(1, rest));
    } catch (error) {
      // The pipe is full. Drivers that look at the standard output make it one that does not wait.
      if (error.code !== 'EAGAIN') throw error;
    }
  }
}

async function serve() {
  for (;;) {
    const from = performance.now();
    lease = await store.acquire({
      owner,
      onProgress: ({ type, ...fields }) => {
        if (type === 'waiting') say('waiting', fields);
      },
    });
    const grantedMs = performance.now() - from;
    try {
      const { messageCount } = await recover();
      const tookMs = performance.now() - from;
      say('active', { epoch: lease.epoch, next, messageCount, tookMs, grantedMs });
      produce();
    } catch (error) {
      say('refused', { code: error.code });
    }
    const { reason, cause } = await lease.lost;
    say('lost', { reason, cause: cause?.message });
    if (reason === 'released') return;
  }
}

async function recover() {
  let queue;
  await lease.recover({
    destination: (recovered) => {
      queue = recovered;
      next = recovered.nextSequence;
    },
    producer: () => undefined,
    state: () => undefined,
  });
  if (queue === undefined) {
    await lease.append([{ type: 'destination-added', destination: QUEUE, key: 'queue://Q' }]);
  }
  return queue ?? { messageCount: 0 };
}

function produce() {
  while (isProducing && inFlight < inFlightMax) {
    const at = sequence(next);
    next += 1;
    const payload = [Buffer.from(`${owner} ${at} `.padEnd(payloadBytes, '.'))];
    append(
      { type: 'message-added', targets: [{ destination: QUEUE, sequence: at }], payload },
      'acked',
      () => {
        if (isConsuming && at % 2 === 0) consume(at);
      },
    );
  }
}

function consume(at) {
  append({ type: 'message-removed', destination: QUEUE, sequence: at }, 'consumed');
}

function append(record, done, then = () => undefined) {
  const at = record.sequence ?? record.targets[0].sequence;
  inFlight += 1;
  lease
    .append([record])
    .then(
      () => {
        inFlight -= 1;
        say(done, { sequence: at });
        then();
        produce();
      },
      (error) => {
        inFlight -= 1;
        say('refused', { sequence: at, code: error.code });
      },
    )
    .then(() => {
      if (!isProducing && inFlight === 0) say('paused');
    });
}

async function list() {
  const sequences = [];
  const writers = [];
  for (let from = 1; ;) {
    const page = await lease.read(QUEUE, sequence(from), PAGE);
    const last = page.at(-1);
    if (last === undefined) break;
    for (const message of page) {
      const [writer, number] = Buffer.from(message.payload).toString().split(' ');
      sequences.push(message.sequence);
      writers.push(Number(number) === message.sequence ? writer : `not ${writer}`);
    }
    from = last.sequence + 1;
  }
  say('listed', { sequences, writers });
}

const commands = {
  produce() {
    isProducing = true;
    if (lease) produce();
  },
  consume() {
    isConsuming = true;
  },
  pause() {
    isProducing = isConsuming = false;
    if (inFlight === 0) say('paused');
  },
  list,
  async release() {
    await store.close();
    process.exit(0);
  },
};

createInterface({ input: process.stdin })
  .on('line', (line) => void commands[line]?.())
  // Whoever started this is gone.
  .on('close', () => process.exit(0));

serve().catch((error) => {
  say('failed', { code: error.code, message: error.message });
  process.exit(1);
});
