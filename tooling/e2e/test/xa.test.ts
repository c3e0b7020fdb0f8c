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

const SOURCE = fileURLToPath(new URL('../java/JmsXa.java', import.meta.url));

/** The names of the scenarios, as the program has them, so that one it skips is missed. */
const SCENARIOS = [
  'a commit in two phases makes sends seen and receives final',
  'a commit in one phase needs no prepare',
  'a rollback gives back, before and after the prepare',
  'a branch without work is read-only',
  'a second prepare is answered as the first',
  'a branch is suspended and resumed, and joined by another session',
  'what is prepared outlives its connection and is recovered by another',
  'what is not prepared goes with its connection',
  'what was forgotten is rolled back',
  'errors carry the numbers of X/Open',
  'a durable subscription takes part',
];

describe('a transaction manager', () => {
  let ours: ScenarioResults;
  let control: ScenarioResults;

  beforeAll(async () => {
    await using broker = await startBatonMq({ name: 'broker', store: 'memory:' });
    await broker.becomes('active');
    ours = await javaScenarios(SOURCE, ['scenarios', broker.uri]);
    await using directory = await temporaryDirectory();
    await using activeMq = await startActiveMq({ directory: directory.path });
    control = await javaScenarios(SOURCE, ['scenarios', activeMq.uri]);
  }, 120_000);

  test.each(SCENARIOS)('%s, as at ActiveMQ', (scenario) => {
    expect([ours.get(scenario), control.get(scenario)]).toEqual(['ok', 'ok']);
  });
});

test('what was prepared before a kill is recovered and resolved at the broker that takes over', async () => {
  await using directory = await temporaryDirectory();
  await using pair = await BrokerPair.start({ directory: directory.path });
  const program = await compileJava(SOURCE);
  await using manager = runJava(program, ['prepare', pair.active.uri]);
  await manager.line(/^PREPARED$/, { timeoutMs: 30_000 });
  await manager.kill();
  await pair.killActive();
  await pair.active.becomes('active');
  // And once more: what a broker took over it hands on.
  await pair.restartStandby();
  await pair.killActive();
  await pair.active.becomes('active');
  await using other = runJava(program, ['resolve', pair.active.uri]);
  const [result] = await other.line(/^recovered .*$/, { timeoutMs: 30_000 });
  expect(result).toBe('recovered 2, hidden 2, then [commit sent, roll back gave back]');
}, 90_000);
