import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { startActiveMq, startBatonMq, temporaryDirectory } from '@batonmq/services';
import { beforeAll, describe, expect, test } from 'vitest';
import { javaScenarios, type ScenarioResults } from '../src/scenario-results.ts';

const SOURCE = fileURLToPath(new URL('../java/JmsSelectors.java', import.meta.url));

/** The names of the scenarios, as the program has them, so that one it skips is missed. */
const SHARED_SCENARIOS = [
  'each consumer gets what its selector matches',
  'headers and properties of every type may be selected by',
  'what a selector leaves is there for a consumer without one',
  'a browser shows what its selector matches',
  'a topic consumer gets what its selector matches',
  'a wrong selector is an InvalidSelectorException',
  'a rolled-back message is redelivered to its selector',
];

/** ActiveMQ matches within a page, and is started without a policy. */
const OWN_SCENARIOS = [
  'a message far behind others is found',
  'greater priority goes first where the policy says so',
];

describe('the Java client selects:', () => {
  let ours: ScenarioResults;
  let control: ScenarioResults;

  beforeAll(async () => {
    await using directory = await temporaryDirectory();
    const config = join(directory.path, 'batonmq.yaml');
    await writeFile(config, 'policies:\n  - queue: PRIORITIZED\n    prioritizedMessages: true\n');
    await using broker = await startBatonMq({ name: 'broker', store: 'memory:', config });
    await broker.becomes('active');
    await using activeMq = await startActiveMq({ directory: directory.path });
    [ours, control] = await Promise.all([
      javaScenarios(SOURCE, [broker.uri]),
      javaScenarios(SOURCE, [activeMq.uri]),
    ]);
  }, 180_000);

  test.each(SHARED_SCENARIOS)('%s, as at ActiveMQ', (scenario) => {
    expect([ours.get(scenario), control.get(scenario)]).toEqual(['ok', 'ok']);
  });

  test.each(OWN_SCENARIOS)('%s', (scenario) => {
    expect(ours.get(scenario)).toBe('ok');
  });
});
