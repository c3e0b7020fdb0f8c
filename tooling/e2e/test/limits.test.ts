import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, test } from 'vitest';
import {
  compileJava,
  runJava,
  startBatonMq,
  temporaryDirectory,
  type ManagedProcess,
} from '@batonmq/services';
import { BrokerPair } from '../src/broker-pair.ts';
import { javaScenarios } from '../src/scenario-results.ts';

const SOURCE = fileURLToPath(new URL('../java/JmsLimits.java', import.meta.url));

/** The same that the program gives to an ActiveMQ of its own, and one with a count of messages. */
const POLICIES = `
policies:
  - queue: 'BLOCK.>'
    memoryLimit: 16384
  - queue: 'FAIL.>'
    memoryLimit: 16384
    sendFailIfNoSpace: true
  - queue: 'TIMEOUT.>'
    memoryLimit: 16384
    sendFailIfNoSpaceAfterTimeout: 400
  - queue: 'PAGE.>'
    memoryLimit: 16384
    producerFlowControl: false
  - queue: 'COUNT.>'
    maxMessages: 3
    sendFailIfNoSpace: true
`;

/** The names of the scenarios, as the program has them, so that one it skips is missed. */
const SCENARIOS = [
  'a sender waits for memory until messages are consumed',
  'a full queue that lets nobody wait throws ResourceAllocationException',
  'a sender is refused when the time of the policy is over',
  'a window stops async sends, not the consumers of the connection',
  'a queue without flow control takes more than its memory, in order',
  'acks of a full queue make room',
  'a transaction that finds no room is not committed',
];

/** Not with ActiveMQ: there, what waits for memory goes on in any order. */
const OWN_SCENARIOS = ['what waited with a window arrives in its order'];

async function configIn(directory: string): Promise<string> {
  const path = join(directory, 'batonmq.yaml');
  await writeFile(path, POLICIES);
  return path;
}

const BROKERS = [
  {
    name: 'BatonMQ',
    scenarios: [...SCENARIOS, ...OWN_SCENARIOS],
    run: async () => {
      await using directory = await temporaryDirectory();
      const config = await configIn(directory.path);
      await using broker = await startBatonMq({ name: 'broker', store: 'memory:', config });
      await broker.becomes('active');
      return await javaScenarios(SOURCE, [broker.uri]);
    },
  },
  {
    name: 'ActiveMQ, as control',
    scenarios: SCENARIOS,
    run: () => javaScenarios(SOURCE, ['activemq']),
  },
];

describe.each(BROKERS)(
  'full queues of $name, as the Java client meets them',
  ({ scenarios, run }) => {
    let results: ReadonlyMap<string, string>;

    beforeAll(async () => {
      results = await run();
    }, 120_000);

    test.each(scenarios)('%s', (scenario) => {
      expect(results.get(scenario)).toBe('ok');
    });
  },
);

test('what found no memory is there after a kill, in order, and what is stored still counts', async () => {
  await using directory = await temporaryDirectory();
  await using files = await temporaryDirectory();
  const config = await configIn(files.path);
  await using pair = await BrokerPair.start({ directory: directory.path, config });
  const program = await compileJava(SOURCE);
  const run = (what: string): ManagedProcess => runJava(program, [what, pair.uri]);
  await using sending = run('send');
  await sending.line(/^sent, and counted 3$/);
  await pair.killActive();
  await using receiving = run('receive');
  const [, first] = await receiving.line(/^received from (\d+), and counted 0$/);
  // Those before it were in memory alone.
  expect(Number(first)).toBeGreaterThan(0);
  expect(Number(first)).toBeLessThan(16);
}, 60_000);
