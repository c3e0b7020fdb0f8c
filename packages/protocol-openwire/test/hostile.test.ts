import { command, createWireFormat, preferredWireFormatInfo } from '@batonmq/openwire';
import { dial } from '@batonmq/transport';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { readCapture } from './capture.ts';
import { startBroker, type LiveBroker } from './live-broker.ts';
import { TestSession } from './session.ts';

let live: LiveBroker;
beforeAll(async () => {
  live = await startBroker();
});
afterAll(() => live.stop());

const FORMAT = {
  version: 12,
  tightEncoding: false,
  cacheEnabled: false,
  cacheSize: 0,
  stackTraceEnabled: false,
  maxFrameSize: 2 ** 20,
} as const;

/** Everything the real client says in the recordings, one frame each, after the negotiation. */
const FRAMES = [
  'core',
  'acks',
  'tx',
  'temp',
  'pull',
  'browse',
  'window',
  'errors',
  'misc',
  'types',
  'bridge',
]
  .flatMap((name) => readCapture(name))
  .filter(({ from, command: { type } }) => from === 'C' && type !== 'WireFormatInfo')
  .map((captured) => Buffer.from(createWireFormat(FORMAT).encode(captured.command)));

const NEGOTIATION = Buffer.from(createWireFormat(FORMAT).encode(preferredWireFormatInfo()));

/** Plays bytes to the broker, then hangs up, unless the broker did so first. */
async function play(bytes: Uint8Array): Promise<void> {
  const connection = await dial(live.uri);
  const output = [bytes];
  await new Promise<void>((resolve) => {
    connection.start({
      take: () => output.splice(0),
      // Whatever it answers shows that it is still there; the last answer may never come.
      received: () => undefined,
      drained: () => undefined,
      closed: () => {
        resolve();
      },
    });
    void connection.close({ timeoutMs: 200 });
  });
}

async function expectService(id: string): Promise<void> {
  const client = await live.connect();
  const session = await TestSession.open(client, id);
  const message = await session.produce();
  const queue = `served ${id}`;
  await session.consume(queue);
  expect((await session.request(message(queue))).type).toBe('Response');
  await client.next('MessageDispatch');
  await client.close();
}

test('no bytes of one peer stop the broker from serving the others', async () => {
  const mutation = fc.record({
    at: fc.nat(),
    value: fc.integer({ min: 0, max: 255 }),
  });
  const conversation = fc.record({
    start: fc.nat(FRAMES.length - 1),
    count: fc.integer({ min: 1, max: 20 }),
    mutations: fc.array(mutation, { maxLength: 6 }),
    cut: fc.option(fc.nat(), { freq: 3 }),
  });
  let played = 0;
  await fc.assert(
    fc.asyncProperty(conversation, async ({ start, count, mutations, cut }) => {
      const bytes = Buffer.concat(FRAMES.slice(start, start + count));
      for (const { at, value } of mutations) bytes[at % bytes.length] = value;
      const sent = cut === null ? bytes : bytes.subarray(0, cut % bytes.length);
      await play(Buffer.concat([NEGOTIATION, sent]));
      await expectService(`ID:witness:${++played}`);
    }),
    { numRuns: 300 },
  );
  expect(live.protocol.connectionCount).toBeLessThan(10);
});

test('every command with nothing in it is answered or ignored, and harms nobody', async () => {
  const types = [
    'SessionInfo',
    'ConsumerInfo',
    'ProducerInfo',
    'TransactionInfo',
    'DestinationInfo',
    'RemoveSubscriptionInfo',
    'RemoveInfo',
    'MessageAck',
    'MessagePull',
    'ConsumerControl',
    'ConnectionControl',
    'ControlCommand',
    'FlushCommand',
    'ProducerAck',
    'MessageDispatch',
    'MessageDispatchNotification',
    'BrokerInfo',
    'BrokerSubscriptionInfo',
    'ActiveMQMessage',
    'ActiveMQBlobMessage',
    'Response',
    'ExceptionResponse',
    'IntegerResponse',
    'ReplayCommand',
  ] as const;
  const session = await TestSession.open(await live.connect(), 'ID:empty:1');
  for (const type of types) {
    const reply = await session.request(command(type));
    expect([type, reply.type]).toEqual([
      type,
      expect.stringMatching(/^(Response|ExceptionResponse)$/),
    ]);
  }
});
