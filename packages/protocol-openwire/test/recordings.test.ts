import { afterEach, beforeEach, describe, test } from 'vitest';
import { startBroker, type LiveBroker } from './live-broker.ts';
import { replay } from './replay.ts';

let broker: LiveBroker;
beforeEach(async () => {
  broker = await startBroker();
});
afterEach(() => broker.stop());

describe('our broker answers the real Java client as ActiveMQ did', () => {
  test.each([
    'core',
    'acks',
    'tx',
    'temp',
    'pull',
    'browse',
    'window',
    'errors',
    'misc',
    'nonblockredeliv',
    'types',
    'blob',
    'failover',
  ])('in the recording %s', async (name) => {
    await replay(name, broker);
  });
});
