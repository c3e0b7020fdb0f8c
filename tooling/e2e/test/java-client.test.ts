import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, test } from 'vitest';
import { compileJava, runJava, startBatonMq, temporaryDirectory } from '@batonmq/services';
import { BrokerPair } from '../src/broker-pair.ts';
import { javaScenarios, type ScenarioResults } from '../src/scenario-results.ts';

const SOURCE = fileURLToPath(new URL('../java/JmsScenarios.java', import.meta.url));

/** The names of the scenarios, as the program has them, so that one it skips is missed. */
const SCENARIOS = [
  'every kind of persistent message arrives as it was sent',
  'every kind of non-persistent message arrives as it was sent',
  'headers and properties arrive as they were sent',
  'a large message arrives whole',
  'messages of a producer keep their order',
  'a compressed message arrives as it was sent',
  'sends of a transaction are seen at its commit and not before',
  'receives of a transaction come back after its rollback',
  'client acknowledge consumes what was received so far',
  'individual acknowledge consumes one message',
  'lazy acknowledge consumes too',
  'unacknowledged messages of a closed consumer go to the next one',
  'a message rolled back too often becomes a dead letter',
  'an expired message is not delivered',
  'a consumer without prefetch pulls',
  'a browser sees messages in order and consumes none',
  'a request is answered through a temporary queue',
  'a temporary topic reaches its consumers',
  'every consumer of a topic gets every message',
  'consumers of a queue share its messages',
  'a listener gets messages in order',
  'a composite destination is all of its parts',
  'a wildcard consumes from all it covers',
  'a name in use by another connection is refused',
];

const ENCODINGS = [
  { encoding: 'tight, cached', query: '' },
  { encoding: 'tight, uncached', query: '?wireFormat.cacheEnabled=false' },
  { encoding: 'loose, cached', query: '?wireFormat.tightEncodingEnabled=false' },
  {
    encoding: 'loose, uncached',
    query: '?wireFormat.tightEncodingEnabled=false&wireFormat.cacheEnabled=false',
  },
];

describe.each(ENCODINGS)('the Java client, $encoding:', ({ query }) => {
  let results: ScenarioResults;

  beforeAll(async () => {
    await using broker = await startBatonMq({ name: 'broker', store: 'memory:' });
    await broker.becomes('active');
    results = await javaScenarios(SOURCE, [broker.uri + query]);
  }, 120_000);

  test.each(SCENARIOS)('%s', (scenario) => {
    expect(results.get(scenario)).toBe('ok');
  });
});

describe('the Java client through failover:', () => {
  test('carries on across a kill and gets every message', async () => {
    const source = fileURLToPath(new URL('../java/JmsFailover.java', import.meta.url));
    await using directory = await temporaryDirectory();
    await using pair = await BrokerPair.start({ directory: directory.path });
    await using run = runJava(await compileJava(source), [pair.uri, '2000']);
    await run.line(/^HALFWAY$/);
    run.tell('go on');
    await pair.killActive();
    const [result] = await run.line(/^received .*$/);
    expect(result).toBe('received 2000 of 2000, 0 after their commit');
  }, 60_000);
});
