/**
 * `pnpm --filter @batonmq/e2e run takeover-run -- --backlog 1000000 --kills 5`: how long a takeover
 * takes with a backlog: from `kill -9` to the first durable send and the first receive through the
 * standby, at a client that was connected all along.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { connect } from '@batonmq/client';
import { temporaryDirectory } from '@batonmq/services';
import { BrokerPair } from '../broker-pair.ts';
import { summary, TakeoverProbe, type TakeoverTime } from '../takeover-probe.ts';

const BODY_BYTES = 1024;
/** Work between two kills, so that the standby has something to follow. */
const WORK_MS = 2_000;

const { values } = parseArgs({
  args: process.argv.slice(2).filter((argument) => argument !== '--'),
  options: {
    backlog: { type: 'string', default: '1000000' },
    kills: { type: 'string', default: '5' },
  },
});

await using directory = await temporaryDirectory();
await using pair = await BrokerPair.start({ directory: directory.path });
const startedAt = performance.now();
await fill(pair.uri, Number(values.backlog));
console.log(
  `backlog of ${values.backlog} in ${((performance.now() - startedAt) / 1000).toFixed(1)} s`,
);
await using probe = await TakeoverProbe.start(pair.uri);
const takeovers: TakeoverTime[] = [];
for (let kill = 1; kill <= Number(values.kills); kill += 1) {
  await delay(WORK_MS);
  const measured = probe.measure();
  await pair.killActive();
  const time = await measured;
  takeovers.push(time);
  console.log(JSON.stringify({ kill, ...time }));
  await pair.restartStandby();
}
console.log(
  `takeover with ${values.backlog} messages of ${BODY_BYTES} bytes: ${summary(takeovers)}`,
);

async function fill(uri: string, count: number): Promise<void> {
  await using connection = await connect(uri, { sendTimeoutMs: -1 });
  const producer = await connection.createProducer('queue://backlog');
  const body = new Uint8Array(BODY_BYTES);
  await producer.sendAll(Array.from({ length: count }, () => body));
}
