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

const SOURCE = fileURLToPath(new URL('../java/JmsPull.java', import.meta.url));

/** The names of the scenarios, as the program has them, so that one it skips is missed. */
const SCENARIOS = [
  'a receive waits not at all, for its time, or without end',
  'nothing is taken in advance',
  'what comes after a receive has ended is not taken',
  'a selector finds what is behind others',
  'a wildcard receives from every queue it covers',
  'a list of queues receives from each',
  'a durable subscription receives what was kept',
  'a rollback is received again, and then what follows',
  'what a consumer had is received by the next one, as redelivered',
  'acknowledging one by one leaves the others',
];

describe('without a prefetch, the Java client:', () => {
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

test('receives that wait when their broker is killed get what is sent to the next one', async () => {
  await using directory = await temporaryDirectory();
  await using pair = await BrokerPair.start({ directory: directory.path });
  await using run = runJava(await compileJava(SOURCE), ['takeover', pair.uri, '400']);
  await run.line(/^WAITING$/, { timeoutMs: 30_000 });
  await pair.killActive();
  await pair.active.becomes('active');
  run.tell('go on');
  const [result] = await run.line(/^received .*$/, { timeoutMs: 60_000 });
  expect(result).toBe('received 400 of 400');
}, 120_000);
