/**
 * How long is nobody active after the owner's process dies, with a large backlog?
 *
 *   npx tsc -b packages/store-fs-lock && node packages/store-fs-lock/bench/takeover.mjs [messages] [rounds] [directory]
 *
 * Workload: 1,000,000 messages of 1 KB in one queue (needs 1.2 GB), one owner that goes on sending, one warm standby;
 * `kill -9` of the owner, then roles change. Counted from the kill to the lease being granted and recovered, and to the first durable
 * append. Leaves out the broker and its clients: their reconnect comes on top.
 */
import { destinationNumber, sequence } from '@batonmq/model';
import { nodeRuntime } from '@batonmq/runtime/node';
import { fork } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { fsLockStore } from '../dist/index.js';

const QUEUE = destinationNumber(1);
const PAYLOAD = Buffer.alloc(1000, 'x');
const PER_BATCH = 1000;

const [role, ...args] = process.argv.slice(2);
if (role === 'broker') await serve(args[0], args[1], Number(args[2]));
else await measure(Number(role ?? 1_000_000), Number(args[0] ?? 7), args[1] ?? tmpdir());

async function serve(directory, owner, messageCount) {
  const store = fsLockStore({ directory }).create(nodeRuntime());
  let lagBytes = Infinity;
  const lease = await store.acquire({
    owner,
    onProgress: (progress) => {
      if (progress.type !== 'following' || progress.lagBytes === lagBytes) return;
      lagBytes = progress.lagBytes;
      if (lagBytes === 0) process.send({ event: 'warm' });
    },
  });
  let next = 1;
  await lease.recover({
    destination: ({ nextSequence }) => (next = nextSequence),
    producer: () => undefined,
    state: () => undefined,
  });
  process.send({ event: 'active', at: Date.now(), next });
  if (next === 1) {
    await lease.append([{ type: 'destination-added', destination: QUEUE, key: 'queue://Q' }]);
  }
  const message = () => ({
    type: 'message-added',
    targets: [{ destination: QUEUE, sequence: sequence(next++) }],
    payload: [PAYLOAD],
  });
  await lease.append([message()]);
  process.send({ event: 'appended', at: Date.now() });
  while (next <= messageCount) await lease.append(Array.from({ length: PER_BATCH }, message));
  process.send({ event: 'filled' });
  for (;;) await lease.append([message()]);
}

async function measure(messageCount, rounds, parent) {
  const directory = mkdtempSync(join(parent, 'baton-takeover-'));
  const figures = [];
  try {
    let active = start(directory, 'first', messageCount);
    await active.seen('filled');
    for (let round = 0; round < rounds; round += 1) {
      const standby = start(directory, `standby-${round}`, messageCount);
      await standby.seen('warm');
      const killedAt = Date.now();
      active.child.kill('SIGKILL');
      const granted = await standby.seen('active');
      const appended = await standby.seen('appended');
      figures.push({ activeMs: granted.at - killedAt, appendedMs: appended.at - killedAt });
      active = standby;
    }
    active.child.kill('SIGKILL');
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
  for (const key of ['activeMs', 'appendedMs']) {
    const values = figures.map((each) => each[key]).sort((a, b) => a - b);
    const summary = { min: values[0], median: values[values.length >> 1], max: values.at(-1) };
    console.log(JSON.stringify({ figure: key, messageCount, rounds, ...summary }));
  }
}

function start(directory, owner, messageCount) {
  const self = fileURLToPath(import.meta.url);
  const child = fork(self, ['broker', directory, owner, String(messageCount)]);
  const events = [];
  let wake = () => undefined;
  child.on('message', (event) => {
    events.push(event);
    wake();
  });
  const seen = async (name) => {
    for (;;) {
      const found = events.find(({ event }) => event === name);
      if (found) return found;
      await new Promise((resolve) => (wake = resolve));
    }
  };
  return { child, seen };
}
