import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { freePort, startBatonMq, temporaryDirectory } from '@batonmq/services';
import { beforeAll, describe, expect, test } from 'vitest';
import { pythonScenarios, type ScenarioResults } from '../src/scenario-results.ts';

const SCRIPT = fileURLToPath(new URL('../python/stomp_hostile.py', import.meta.url));

/** The names of the scenarios, as the script has them, so that one it skips is missed. */
const SCENARIOS = [
  'who says nothing is disconnected at the deadline',
  'a login that comes byte by byte is cut off at the deadline',
  'a header without end is refused before the login',
  'headers without end are refused before the login',
  'too many headers are refused before the login',
  'a body that is announced too long is refused before the login',
  'a body without end is refused before the login',
  'who comes when all places are taken is sent away, and those inside are served',
  'a hundred peers that never log in keep nobody out',
  'a consumer that stops reading takes bounded memory, and its queue is consumed by others',
  'a client that does not read its receipts is not listened to any more',
  'a subscriber of a topic that stops reading does not keep messages from another one',
];

describe('STOMP clients that are broken or mean no good:', () => {
  let results: ScenarioResults;

  beforeAll(async () => {
    await using directory = await temporaryDirectory();
    const config = join(directory.path, 'broker.yaml');
    await writeFile(config, 'stomp: { loginTimeoutMs: 1000 }\n');
    const [stompPort, fewPort] = [await freePort(), await freePort()];
    await using broker = await startBatonMq({
      name: 'broker',
      store: `file:${join(directory.path, 'store')}`,
      config,
      stompPort,
      alsoListen: [`stomp://127.0.0.1:${fewPort}?connectionCountMax=3`],
    });
    await broker.becomes('active');
    const args = [stompPort, fewPort, broker.process.pid].map(String);
    results = await pythonScenarios(SCRIPT, args);
    expect(broker.role).toBe('active');
  }, 180_000);

  test.each(SCENARIOS)('%s', (scenario) => {
    expect(results.get(scenario)).toBe('ok');
  });
});
