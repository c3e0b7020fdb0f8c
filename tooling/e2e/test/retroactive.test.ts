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

const SOURCE = fileURLToPath(new URL('../java/JmsRetroactive.java', import.meta.url));

/** The same that the program gives to an ActiveMQ of its own, and two that are stored. */
const POLICIES = `
policies:
  - topic: 'LAST.>'
    dispatchPolicy: { type: strictOrder }
    subscriptionRecoveryPolicy: { type: lastImage }
  - topic: 'COUNT.>'
    subscriptionRecoveryPolicy: { type: fixedCount, maximumSize: 2 }
  - topic: 'RETAIN.>'
    subscriptionRecoveryPolicy: { type: retained }
  - topic: 'LIMIT.>'
    pendingMessageLimitStrategy: { type: constant, limit: 2 }
  - topic: 'STORED.RETAIN'
    subscriptionRecoveryPolicy: { type: retained, isStored: true }
  - topic: 'STORED.LAST'
    subscriptionRecoveryPolicy: { type: lastImage, isStored: true }
`;

/** The names of the scenarios, as the program has them, so that one it skips is missed. */
const SCENARIOS = [
  'a late consumer gets the last image, then what everybody gets',
  'a wildcard consumer gets the last image of each topic',
  'a consumer that does not ask gets nothing from before',
  'a late consumer gets as many messages as are kept',
  'a late consumer gets what was retained, marked as such',
  'an empty message clears what was retained',
  'a consumer that takes nothing keeps the newest of its limit',
];

async function configIn(directory: string): Promise<string> {
  const path = join(directory, 'batonmq.yaml');
  await writeFile(path, POLICIES);
  return path;
}

const BROKERS = [
  {
    name: 'BatonMQ',
    run: async () => {
      await using directory = await temporaryDirectory();
      const config = await configIn(directory.path);
      await using broker = await startBatonMq({ name: 'broker', store: 'memory:', config });
      await broker.becomes('active');
      return await javaScenarios(SOURCE, [broker.uri]);
    },
  },
  { name: 'ActiveMQ, as control', run: () => javaScenarios(SOURCE, ['activemq']) },
];

describe.each(BROKERS)('a retroactive consumer of the Java client at $name', ({ run }) => {
  let results: ReadonlyMap<string, string>;

  beforeAll(async () => {
    results = await run();
  }, 120_000);

  test.each(SCENARIOS)('%s', (scenario) => {
    expect(results.get(scenario)).toBe('ok');
  });
});

test('what a topic keeps and stores reaches a late consumer after a kill', async () => {
  await using directory = await temporaryDirectory();
  await using files = await temporaryDirectory();
  const config = await configIn(files.path);
  await using pair = await BrokerPair.start({ directory: directory.path, config });
  const program = await compileJava(SOURCE);
  const run = (what: string): ManagedProcess => runJava(program, [what, pair.uri]);
  await using sending = run('send');
  await sending.line(/^sent$/);
  await pair.killActive();
  await using receiving = run('receive');
  const [result] = await receiving.line(/^received .*$/);
  expect(result).toBe('received retained 2');
}, 60_000);
