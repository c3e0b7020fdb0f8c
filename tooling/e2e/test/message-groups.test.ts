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

const SOURCE = fileURLToPath(new URL('../java/JmsGroups.java', import.meta.url));

/** The names of the scenarios, as the program has them, so that one it skips is missed. */
const SCENARIOS = [
  'each group stays with one consumer, in order',
  'the first message of a group at a consumer says so',
  'a closed group starts anew',
  'a group goes on with another when its consumer closes',
  'a group that was rolled back comes again in order',
  'an exclusive consumer gets everything until it closes',
  'an exclusive consumer of greater priority takes over',
  'a consumer of greater priority is filled first',
];

/** docs/reference/activemq-differences.md */
const OUR_OWN = [
  'groups move to a consumer that joins',
  'a group with a long backlog holds up no other',
  'an epoch tells exclusive consumers apart',
];

const BROKERS = [
  {
    name: 'BatonMQ',
    scenarios: [...SCENARIOS, ...OUR_OWN],
    start: async () => {
      const broker = await startBatonMq({ name: 'broker', store: 'memory:' });
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

describe.each(BROKERS)('the Java client at $name:', ({ start, scenarios }) => {
  let results: ReadonlyMap<string, string>;

  beforeAll(async () => {
    await using directory = await temporaryDirectory();
    await using broker = await start(directory.path);
    results = await javaScenarios(SOURCE, [broker.uri]);
  }, 180_000);

  test.each(scenarios)('%s', (scenario) => {
    expect(results.get(scenario)).toBe('ok');
  });
});

test.each([
  {
    what: 'groups stay in order and with their owners',
    mode: 'takeover',
    received: 'received 1000 of 1000, problems: []',
  },
  {
    what: 'a selector gets all that it matches, in order,',
    mode: 'selected',
    received: 'received 50 of 50, problems: []',
  },
])(
  '$what across a kill of the active broker',
  async ({ mode, received }) => {
    await using directory = await temporaryDirectory();
    await using pair = await BrokerPair.start({ directory: directory.path });
    await using run = runJava(await compileJava(SOURCE), [mode, pair.uri]);
    await run.line(/^HALFWAY$/);
    run.tell('go on');
    await pair.killActive();
    const [result] = await run.line(/^received .*$/);
    expect(result).toBe(received);
  },
  90_000,
);
