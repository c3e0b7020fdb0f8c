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
  ])('in the recording %s', async (name) => {
    await replay(name, broker);
  });

  test('in the recording browse, without its selector', async () => {
    await replay('browse', broker, { adapt: withoutSelector });
  });

  test('in the recording errors, but for the selector', async () => {
    const isAboutSelector = (command: Command): boolean =>
      (command.type === 'ConsumerInfo' && command.selector !== null) ||
      (command.type === 'ExceptionResponse' && command.correlationId === 4);
    await replay('errors', broker, {
      adapt: (command) => (isAboutSelector(command) ? undefined : command),
      skip: isAboutSelector,
    });
  });

  test('in the recording misc, without virtual topics and the list of all queues of its broker', async () => {
    // The replies to the two consumers that ask for that list.
    const listed = new Set([23, 24]);
    const isLeftOut = (command: Command): boolean =>
      ('destination' in command &&
        /^Consumer\.A\.VirtualTopic|^ActiveMQ\.Advisory\.(Queue|Topic)$/.test(
          command.destination?.physicalName ?? '',
        ) &&
        (command.type !== 'ConsumerInfo' || listed.has(command.commandId))) ||
      (command.type === 'Response' && listed.has(command.correlationId));
    await replay('misc', broker, {
      adapt: (command) => (isLeftOut(command) ? undefined : withoutSelector(command)),
      skip: isLeftOut,
    });
  });
});

function withoutSelector(command: Command): Command {
  return command.type === 'ConsumerInfo' ? { ...command, selector: null } : command;
}
