/** Runs inside the laboratory's kernel; see nfs-lab.mjs. One line of JSON per finding. */
import { execFileSync, spawn } from 'node:child_process';
import { rmSync } from 'node:fs';
import { performance } from 'node:perf_hooks';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

// The same process that the store's own tests kill and stop.
const STORE_PROCESS = fileURLToPath(
  new URL('../../services/programs/store-process.mjs', import.meta.url),
);
const PLUGIN = {
  module: fileURLToPath(new URL('../../../packages/store-fs-lock/dist/index.js', import.meta.url)),
  factory: 'fsLockStore',
};
const TIMEOUT_MS = 90_000;
/** The default of `leaseDurationMs`. */
const LEASE_MS = 10_000;
/** The laboratory's disk is slow: making a segment of the default size would hold up the keep-alive for seconds. */
const SEGMENT_BYTES = 4 * 2 ** 20;
/** How long messages flow before something happens to their broker. */
const FLOW_MS = 3_000;

class StoreProcess {
  acked = [];
  events = [];
  #waiters = new Set();

  constructor(client, directory) {
    const options = {
      directory: `/mnt/${client}/${directory}`,
      journal: { segmentBytes: SEGMENT_BYTES },
    };
    this.child = spawn(
      'nsenter',
      [
        `--net=/run/netns/${client}`,
        process.execPath,
        STORE_PROCESS,
        JSON.stringify({ plugin: PLUGIN, owner: client, options }),
      ],
      { stdio: ['pipe', 'pipe', 'inherit'] },
    );
    createInterface({ input: this.child.stdout }).on('line', (line) => {
      const event = { ...JSON.parse(line), seenAt: performance.now() };
      if (event.event === 'acked') this.acked.push(event);
      else this.events.push(event);
      for (const waiter of this.#waiters) waiter();
    });
  }

  /** The next event of that name after `since`. */
  async seen(name, since = 0) {
    const find = () =>
      [...this.events, ...this.acked].find((e) => e.event === name && e.seenAt >= since);
    const deadline = performance.now() + TIMEOUT_MS;
    while (!find()) {
      if (performance.now() > deadline)
        throw new Error(`no '${name}'; last: ${JSON.stringify(this.events.slice(-3))}`);
      await new Promise((resolve) => {
        const done = () => {
          clearTimeout(timer);
          this.#waiters.delete(done);
          resolve();
        };
        const timer = setTimeout(done, 500);
        this.#waiters.add(done);
      });
    }
    return find();
  }

  tell(command) {
    this.child.stdin.write(`${command}\n`);
  }

  kill() {
    this.child.kill('SIGKILL');
  }
}

const pass = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

function setLink(client, state) {
  execFileSync('ip', ['link', 'set', `v${client}`, state]);
}

function report(finding, facts) {
  console.log(JSON.stringify({ finding, ...facts }));
}

/** Everything `from` was told to be stored must be in what `by` reads. */
async function checkNothingLost(finding, by, from) {
  const since = performance.now();
  by.tell('pause');
  await by.seen('paused', since);
  by.tell('list');
  const stored = new Set((await by.seen('listed', since)).sequences);
  const missing = from.acked.filter(({ sequence }) => !stored.has(sequence));
  report(finding, { answered: from.acked.length, stored: stored.size, lost: missing.length });
}

async function pair(directory) {
  const a = new StoreProcess('a', directory);
  await a.seen('active');
  a.tell('produce');
  const b = new StoreProcess('b', directory);
  await b.seen('waiting');
  b.tell('produce');
  await pass(FLOW_MS);
  return { a, b };
}

async function killed() {
  const { a, b } = await pair('killed');
  const from = performance.now();
  a.kill();
  const active = await b.seen('active');
  const acked = await b.seen('acked', active.seenAt);
  report('kill -9: active', { ms: Math.round(active.seenAt - from), epoch: active.epoch });
  report('kill -9: first durable append', { ms: Math.round(acked.seenAt - from) });
  await checkNothingLost('kill -9: nothing lost', b, a);
  b.kill();
}

async function cutOff() {
  const { a, b } = await pair('cut-off');
  const cut = performance.now();
  setLink('a', 'down');
  const active = await b.seen('active');
  report('cut link: the other is active', { ms: Math.round(active.seenAt - cut) });
  const lost = await a.seen('lost');
  report('cut link: the old owner has noticed', {
    ms: Math.round(lost.seenAt - cut),
    reason: lost.reason,
  });
  await pass(FLOW_MS);
  const healed = performance.now();
  setLink('a', 'up');
  await a.seen('waiting', healed);
  report('link is back: the old owner stands in line', {
    ms: Math.round(performance.now() - healed),
  });
  const late = a.acked.filter(({ seenAt }) => seenAt > active.seenAt);
  report('link is back: answers of the old owner after the takeover', { count: late.length });
  await checkNothingLost('cut link: nothing lost', b, a);
  const since = performance.now();
  b.kill();
  const again = await a.seen('active', since);
  report('kill -9 of the second: the first is active again', {
    ms: Math.round(again.seenAt - since),
    epoch: again.epoch,
  });
  await checkNothingLost('kill -9 of the second: nothing lost', a, b);
  a.kill();
}

async function frozen() {
  const { a, b } = await pair('frozen');
  const from = performance.now();
  a.child.kill('SIGSTOP');
  // The process is a child of nsenter's exec, so the signal reaches the store itself.
  const active = await b.seen('active');
  report('SIGSTOP: the other is active', { ms: Math.round(active.seenAt - from) });
  const woken = performance.now();
  a.child.kill('SIGCONT');
  const lost = await a.seen('lost', woken);
  report('SIGCONT: the old owner has noticed', {
    ms: Math.round(lost.seenAt - woken),
    reason: lost.reason,
  });
  await a.seen('waiting', woken);
  await checkNothingLost('SIGSTOP: nothing lost', b, a);
  a.kill();
  b.kill();
}

/** What one client writes must be seen by the other, or a live owner would be deposed. */
async function leftAlone() {
  const { a, b } = await pair('left-alone');
  await pass(LEASE_MS + FLOW_MS);
  const changes = b.events.filter(({ event }) => event === 'active').length;
  report('a live owner is left alone', { forMs: LEASE_MS + 2 * FLOW_MS, takeovers: changes });
  a.kill();
  b.kill();
}

/** An owner whose lock file somebody deletes on the server is alive and busy: only its own look stops it. */
async function deleted() {
  const { a, b } = await pair('deleted');
  const from = performance.now();
  rmSync('/mnt/export/deleted/lock');
  const lost = await a.seen('lost', from);
  report('lock deleted: the old owner has noticed', {
    ms: Math.round(lost.seenAt - from),
    reason: lost.reason,
  });
  const [next] = await Promise.all([
    Promise.race([a.seen('active', from).then(() => a), b.seen('active', from).then(() => b)]),
  ]);
  report('lock deleted: active again', {
    ms: Math.round(performance.now() - from),
    owner: next === a ? 'a' : 'b',
  });
  await checkNothingLost('lock deleted: nothing lost', next, a);
  a.kill();
  b.kill();
}

for (const scenario of [killed, frozen, cutOff, leftAlone, deleted]) {
  try {
    await scenario();
  } catch (error) {
    report(`${scenario.name} FAILED`, { error: error.message });
  }
}
process.exit(0);
