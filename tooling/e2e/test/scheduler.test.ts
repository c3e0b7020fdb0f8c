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
import { javaScenarios, type ScenarioResults } from '../src/scenario-results.ts';

const SOURCE = fileURLToPath(new URL('../java/JmsScheduler.java', import.meta.url));

/** The names of the scenarios, as the program has them, so that one it skips is missed. */
const SCENARIOS = [
  'a delay holds a message back, and its id stays',
  'a period repeats a message, each time with another id',
  'values may be of any type',
  'a cron entry is taken, and listed until it is removed',
  'a scheduled message of a transaction counts from its commit',
  'a time to live counts from the delivery',
  'a scheduled message reaches a topic',
  'a browser is sent every job, in the order of their times',
  'a browser is sent the jobs of a span of time',
  'a job is removed by its id',
  'the jobs of a span of time are removed',
  'too many repeats are refused',
];

describe('the Java client schedules:', () => {
  let ours: ScenarioResults;
  let control: ScenarioResults;

  beforeAll(async () => {
    await using directory = await temporaryDirectory();
    await using broker = await startBatonMq({ name: 'broker', store: 'memory:' });
    await broker.becomes('active');
    await using activeMq = await startActiveMq({ directory: directory.path });
    [ours, control] = await Promise.all([
      javaScenarios(SOURCE, ['scenarios', broker.uri]),
      javaScenarios(SOURCE, ['scenarios', activeMq.uri]),
    ]);
  }, 180_000);

  test.each(SCENARIOS)('%s, as at ActiveMQ', (scenario) => {
    expect([ours.get(scenario), control.get(scenario)]).toEqual(['ok', 'ok']);
  });
});

test('scheduled messages outlive the brokers they wait in, and each is delivered once', async () => {
  await using directory = await temporaryDirectory();
  await using pair = await BrokerPair.start({ directory: directory.path });
  await using run = runJava(await compileJava(SOURCE), ['failover', pair.uri, '2000']);
  await run.line(/^SCHEDULED$/, { timeoutMs: 30_000 });
  for (let kills = 0; kills < 2; kills += 1) {
    await pair.killActive();
    await pair.active.becomes('active');
    await pair.restartStandby();
  }
  const [result] = await run.line(/^received .*$/, { timeoutMs: 60_000 });
  expect(result).toBe('received 2000 of 2000, 0 again');
}, 120_000);
