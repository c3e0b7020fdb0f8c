import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, test } from 'vitest';
import {
  compileJava,
  runJava,
  startActiveMq,
  startBatonMq,
  temporaryDirectory,
} from '@batonmq/services';
import { BrokerPair } from '../src/broker-pair.ts';
import { javaScenarios } from '../src/scenario-results.ts';

const SOURCE = fileURLToPath(new URL('../java/JmsDurable.java', import.meta.url));

/** The names of the scenarios, as the program has them, so that one it skips is missed. */
const SCENARIOS = [
  'what is sent while it is away is kept',
  'its selector decides what is kept',
  'with another selector it starts anew',
  'noLocal leaves out what its connection sends',
  'a wildcard keeps what is sent to all it covers',
  'individual acknowledge leaves the others',
  'receives of a transaction come back after its rollback',
  'one that is in use is refused',
  'unsubscribing removes it with its messages',
  'unsubscribing is refused while it is in use, and for unknown names',
];

/** ActiveMQ keeps them in memory for a subscription that was active once; docs/reference/activemq-differences.md. */
const OUR_OWN = ['non-persistent messages are not kept'];

const BROKERS = [
  {
    name: 'BatonMQ',
    scenarios: [...SCENARIOS, ...OUR_OWN],
    start: async (directory: string) => {
      const broker = await startBatonMq({ name: 'broker', store: `file:${directory}` });
      await broker.becomes('active');
      return broker;
    },
  },
  {
    name: 'ActiveMQ, as control',
    scenarios: SCENARIOS,
    start: (directory: string) => startActiveMq({ directory }),
  },
];

describe.each(BROKERS)(
  'a durable subscription of the Java client at $name',
  ({ start, scenarios }) => {
    let results: ReadonlyMap<string, string>;

    beforeAll(async () => {
      await using directory = await temporaryDirectory();
      await using broker = await start(directory.path);
      results = await javaScenarios(SOURCE, [broker.uri]);
    }, 120_000);

    test.each(scenarios)('%s', (scenario) => {
      expect(results.get(scenario)).toBe('ok');
    });
  },
);

test('a durable subscription of the Java client gets every message across a kill', async () => {
  await using directory = await temporaryDirectory();
  await using pair = await BrokerPair.start({ directory: directory.path });
  await using run = runJava(await compileJava(SOURCE), ['takeover', pair.uri, '1001']);
  await run.line(/^HALFWAY$/);
  run.tell('go on');
  await pair.killActive();
  const [result] = await run.line(/^received .*$/);
  expect(result).toBe('received 1001 of 1001');
}, 60_000);
