import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import {
  compileJava,
  runJava,
  startActiveMq,
  startBatonMq,
  temporaryDirectory,
} from '@batonmq/services';
import { beforeAll, describe, expect, test } from 'vitest';
import { BrokerPair } from '../src/broker-pair.ts';
import { javaScenarios } from '../src/scenario-results.ts';

const SOURCE = fileURLToPath(new URL('../java/JmsWindows.java', import.meta.url));

/** The names of the scenarios, as the program has them, so that one it skips is missed. */
const SCENARIOS = [
  'every persistent message arrives, in order',
  'every non-persistent message arrives, in order',
  'every message to a topic arrives, in order',
  'a producer may have a window of its own',
  'a transaction may be larger than the window',
  'a message may be larger than the window',
];

/** They need queues that are small, and a wildcard that is no place to send to, as it is at ActiveMQ. */
const OUR_OWN = [
  'a send that fails gives its room back',
  'a producer that waits for room holds up nobody else',
];

/** Room for about 30 of the messages. */
const SMALL = `
broker:
  destinationMemoryLimitBytes: 65536
`;

describe('with a producer window, the Java client:', () => {
  let ours: ReadonlyMap<string, string> = new Map();
  let control: ReadonlyMap<string, string> = new Map();

  beforeAll(async () => {
    await using broker = await startBatonMq({ name: 'broker', store: 'memory:' });
    await broker.becomes('active');
    await using activeMq = await startActiveMq();
    [ours, control] = await Promise.all([
      javaScenarios(SOURCE, [broker.uri]),
      javaScenarios(SOURCE, [activeMq.uri]),
    ]);
  }, 180_000);

  test.each(SCENARIOS)('%s, as at ActiveMQ', (scenario) => {
    expect([ours.get(scenario), control.get(scenario)]).toEqual(['ok', 'ok']);
  });
});

test('with a producer window, only who fills a queue waits, and nobody for what failed', async () => {
  await using directory = await temporaryDirectory();
  const config = join(directory.path, 'batonmq.yaml');
  await writeFile(config, SMALL);
  await using broker = await startBatonMq({ name: 'broker', store: 'memory:', config });
  await broker.becomes('active');
  const results = await javaScenarios(SOURCE, [broker.uri, 'full']);
  expect([...results]).toEqual(OUR_OWN.map((scenario) => [scenario, 'ok']));
}, 60_000);

test('a producer with a window goes on after a kill; with trackMessages nothing is lost or stored twice', async () => {
  await using directory = await temporaryDirectory();
  await using pair = await BrokerPair.start({ directory: directory.path });
  const uri = `${pair.uri}?trackMessages=true`;
  await using run = runJava(await compileJava(SOURCE), ['takeover', uri, '4000']);
  await run.line(/^HALFWAY$/, { timeoutMs: 60_000 });
  await pair.killActive();
  await pair.active.becomes('active');
  run.tell('go on');
  const [result] = await run.line(/^(received|failed) .*$/, { timeoutMs: 90_000 });
  expect(result).toBe('received 4000 of 4000, 0 twice');
}, 180_000);
