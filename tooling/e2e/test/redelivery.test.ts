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
import { javaScenarios, type ScenarioResults } from '../src/scenario-results.ts';

const SOURCE = fileURLToPath(new URL('../java/JmsRedelivery.java', import.meta.url));

const POLICIES = `policies:
  - queue: OWN.>
    deadLetterStrategy:
      type: individual
      queuePrefix: dead.
      processNonPersistent: true
      processExpired: false
  - queue: DISCARDED.>
    deadLetterStrategy: { type: discard }
  - queue: DELAYED.>
    redeliveryPolicy:
      maximumRedeliveries: 2
      initialRedeliveryDelay: 300
      useExponentialBackOff: true
      backOffMultiplier: 2
`;

/** The names of the scenarios, as the program has them, so that one it skips is missed. */
const SHARED_SCENARIOS = [
  'rollbacks and recovers are counted',
  'a closed consumer counts what its application saw',
  'too many rollbacks make a dead letter that says why and where it was',
  'what is not persistent is dropped in place of dying',
  'an expired message is a dead letter with its expiration',
];

/** ActiveMQ is started without policies, and counts what was prefetched; docs/adr/0015. */
const OWN_SCENARIOS = [
  'a lost connection counts what its application was at and marks the rest',
  'each queue has dead letters of its own where the policy says so',
  'dead letters are discarded where the policy says so',
  'what is not persistent dies where the policy says so, and says what it was',
  'what expired is dropped where the policy says so',
  'the broker redelivers after delays that grow, and then gives up',
];

describe('messages of the Java client that are not consumed:', () => {
  let ours: ScenarioResults;
  let control: ScenarioResults;

  beforeAll(async () => {
    await using directory = await temporaryDirectory();
    const config = join(directory.path, 'batonmq.yaml');
    await writeFile(config, POLICIES);
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

  test('ActiveMQ counts all that was in the buffers of a lost connection', () => {
    expect(
      control.get('a lost connection counts what its application was at and marks the rest'),
    ).toContain('expected [4, 2, 2], got [4, 4, 4]');
  });
});

test('counts survive a kill, and every message that is rejected across another is a dead letter once', async () => {
  await using directory = await temporaryDirectory();
  await using pair = await BrokerPair.start({ directory: directory.path });
  await using run = runJava(await compileJava(SOURCE), ['takeover', pair.uri]);
  await run.line(/^COUNTED$/);
  await pair.killActive();
  await pair.restartStandby();
  run.tell('go on');
  expect((await run.line(/^counts .*$/))[0]).toBe('counts 3 1');
  await run.line(/^HALFWAY$/);
  await pair.killActive();
  expect((await run.line(/^dead .*$/))[0]).toBe('dead 200 of 200, left 0 of 0');
}, 120_000);
