import type { Command } from '@batonmq/openwire';
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
    'group',
    'tight-core',
    'acks',
    'tx',
    'nonblockredeliv',
    'temp',
    'pull',
    'window',
    'types',
    'blob',
    'failover',
    'browse',
    'errors',
  ])('in the recording %s', async (name) => {
    await replay(name, broker);
  });

  test('in the recording misc, without the list of all queues of its broker', async () => {
    // The replies to the two consumers that ask for that list.
    const listed = new Set([23, 24]);
    const isLeftOut = (command: Command): boolean =>
      ('destination' in command &&
        /^ActiveMQ\.Advisory\.(Queue|Topic)$/.test(command.destination?.physicalName ?? '') &&
        (command.type !== 'ConsumerInfo' || listed.has(command.commandId))) ||
      (command.type === 'Response' && listed.has(command.correlationId));
    await replay('misc', broker, {
      adapt: (command) => (isLeftOut(command) ? undefined : command),
      skip: isLeftOut,
    });
  });
});
