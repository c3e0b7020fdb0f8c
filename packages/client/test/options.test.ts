import { expect, test } from 'vitest';
import { connect, type Connection } from '../src/index.ts';
import { ScriptedPeer } from './scripted-peer.ts';

const CALLS: readonly [string, (connection: Connection, options: object) => Promise<unknown>][] = [
  ['createConsumer', (connection, options) => connection.createConsumer('queue://q', options)],
  ['createProducer', (connection, options) => connection.createProducer('queue://q', options)],
  ['createSession', (connection, options) => connection.createSession(options)],
];

test.each(CALLS)('%s refuses options that it does not have', async (_, call) => {
  await using peer = await ScriptedPeer.start();
  await using connection = await connect(peer.uri);
  await expect(call(connection, { colour: 'red' })).rejects.toMatchObject({
    code: 'BATON_INVALID_OPTION',
    details: { option: 'colour' },
  });
});

test.each([
  ['createConsumer', { prefetchcount: 1 }, 'prefetchCount'],
  ['createProducer', { persistent: true }, 'isPersistent'],
])('%s has a guess what %o was meant to be', async (name, options, guess) => {
  await using peer = await ScriptedPeer.start();
  await using connection = await connect(peer.uri);
  const call = CALLS.find(([each]) => each === name)?.[1];
  await expect(call?.(connection, options)).rejects.toThrow(`did you mean "${guess}"?`);
});

test.each([{ priority: 128 }, { priority: 0.5 }, { prefetchCount: -1 }])(
  'createConsumer refuses %o',
  async (options) => {
    await using peer = await ScriptedPeer.start();
    await using connection = await connect(peer.uri);
    await expect(connection.createConsumer('queue://q', options)).rejects.toMatchObject({
      code: 'BATON_INVALID_OPTION',
    });
  },
);

test('createSession refuses ways to acknowledge that there are not', async () => {
  await using peer = await ScriptedPeer.start();
  await using connection = await connect(peer.uri);
  const options = { acknowledge: 'always' as 'auto' };
  await expect(connection.createSession(options)).rejects.toMatchObject({
    code: 'BATON_INVALID_OPTION',
  });
});
