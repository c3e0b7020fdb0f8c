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

async function resultsAt(uri: string): Promise<Map<string, string>> {
  const results = new Map<string, string>();
  await using run = runJava(await compileJava(SOURCE), [uri], {
    onLine: (line) => {
      const [, result = '', name = ''] = /^(ok|failed) ([^:]+)/.exec(line) ?? [];
      if (name !== '') results.set(name, result === 'ok' ? 'ok' : line);
    },
  });
  await run.exited;
  return results;
}

describe('the Java client selects:', () => {
  let ours = new Map<string, string>();
  let control = new Map<string, string>();

  beforeAll(async () => {
    await using directory = await temporaryDirectory();
    const config = join(directory.path, 'batonmq.yaml');
    await writeFile(config, 'policies:\n  - queue: PRIORITIZED\n    prioritizedMessages: true\n');
    await using broker = await startBatonMq({ name: 'broker', store: 'memory:', config });
    await broker.becomes('active');
    await using activeMq = await startActiveMq({ directory: directory.path });
    [ours, control] = await Promise.all([resultsAt(broker.uri), resultsAt(activeMq.uri)]);
  }, 180_000);

  test.each(SHARED_SCENARIOS)('%s, as at ActiveMQ', (scenario) => {
    expect([ours.get(scenario), control.get(scenario)]).toEqual(['ok', 'ok']);
  });

  test.each(OWN_SCENARIOS)('%s', (scenario) => {
    expect(ours.get(scenario)).toBe('ok');
  });
});
