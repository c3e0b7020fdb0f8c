import {
  connectionId,
  destination,
  producerId,
  type ContentKind,
  type Message,
  type TransactionId,
} from '@batonmq/model';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { decodeMessage, encodeMessage } from './stored-message.ts';

const QUEUE = destination('queue', 'A');

const text = fc.string({ unit: 'grapheme', maxLength: 30 });
const bytes = fc.uint8Array({ maxLength: 40 });
const whole = fc.nat({ max: Number.MAX_SAFE_INTEGER });
const maybe = <T>(arbitrary: fc.Arbitrary<T>) => fc.option(arbitrary, { nil: undefined });
const producer = fc
  .tuple(text, fc.integer({ min: -1, max: 1000 }), whole)
  .map(([connection, session, value]) => producerId(connectionId(connection), session, value));
const place = fc
  .tuple(
    fc.constantFrom('queue', 'topic', 'temp-queue', 'temp-topic'),
    text.filter((name) => name.length > 0),
  )
  .map(([kind, name]) => destination(kind, name));
const transaction: fc.Arbitrary<TransactionId> = fc.oneof(
  fc.record({ kind: fc.constant('local'), connectionId: text.map(connectionId), value: whole }),
  fc.record({
    kind: fc.constant('xa'),
    formatId: fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }),
    globalTransactionId: bytes,
    branchQualifier: bytes,
  }),
);
const contentKind = fc.constantFrom<ContentKind>(
  ...(['empty', 'text', 'bytes', 'map', 'stream', 'object', 'blob'] as const),
);

const message: fc.Arbitrary<Message> = fc.record({
  id: fc.record({ producerId: producer, producerSequence: whole, textView: maybe(text) }),
  producerId: producer,
  destination: fc.constant(QUEUE),
  originalDestination: maybe(place),
  transactionId: maybe(transaction),
  originalTransactionId: maybe(transaction),
  isPersistent: fc.boolean(),
  priority: fc.nat({ max: 9 }),
  timestamp: whole,
  expiration: whole,
  correlationId: maybe(text),
  type: maybe(text),
  replyTo: maybe(place),
  groupId: maybe(text),
  groupSequence: fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }),
  userId: maybe(text),
  contentKind,
  isCompressed: fc.boolean(),
  properties: maybe(bytes),
  content: maybe(bytes),
  redeliveryCount: fc.nat({ max: 2 ** 31 }),
  brokerInTime: whole,
  deadLetter: maybe(
    fc.record({ cause: text, originalExpiration: whole, wasPersistent: fc.boolean() }),
  ),
  extension: maybe(bytes),
});

/** Bytes as text, so that a Buffer equals a Uint8Array of the same bytes. */
function plain(value: unknown): unknown {
  if (value instanceof Uint8Array) return Buffer.from(value).toString('hex');
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, part]) => [key, plain(part)]));
}

test('every message is read back as it was stored', () => {
  fc.assert(
    fc.property(message, (original) => {
      const payload = Buffer.concat([...encodeMessage(original)]);
      expect(plain(decodeMessage(payload, QUEUE))).toEqual(plain(original));
    }),
    { numRuns: 500 },
  );
});

test('properties, content and extension are stored without being copied', () => {
  const original = sample();
  expect(encodeMessage(original).slice(1)).toEqual([original.properties, original.content]);
  expect(encodeMessage(original)[2]).toBe(original.content);
});

test('the layout is the one that docs/formats/message.md draws', () => {
  const [header] = encodeMessage(sample());
  expect(Buffer.from(header ?? []).toString('hex')).toBe(
    [
      '01', // version
      '24', // bytes message, priority 4
      '000d', // persistent, properties, content
      '4278bcfe56800000', // timestamp 1_700_000_000_000
      '0000000000000000', // expiration: never
      '4278bcfe56810000', // broker-in time: 16 ms later
      'ffffffff', // group sequence -1
      '00000002', // redelivery count
      '4014000000000000', // producer sequence 5
      '3ff0000000000000', // session 1
      '4000000000000000', // producer 2
      '00000002', // bytes of properties
      '00000003', // bytes of content
      '00000000', // bytes of extension
      '0000000449443a61', // "ID:a"
    ].join(''),
  );
});

test('a message cut short anywhere is corrupt, never half a message', () => {
  const payload = Buffer.concat([...encodeMessage(sample())]);
  for (let length = 0; length < payload.length; length += 1) {
    expect(() => decodeMessage(payload.subarray(0, length), QUEUE)).toThrow(
      expect.objectContaining({ code: 'BATON_CORRUPT' }),
    );
  }
});

test('a message of another version is refused', () => {
  const payload = Buffer.concat([...encodeMessage(sample())]);
  payload[0] = 3;
  expect(() => decodeMessage(payload, QUEUE)).toThrow(
    expect.objectContaining({ code: 'BATON_STORE_FORMAT' }),
  );
});

function sample(): Message {
  const id = producerId(connectionId('ID:a'), 1, 2);
  return {
    id: { producerId: id, producerSequence: 5 },
    producerId: id,
    destination: QUEUE,
    isPersistent: true,
    priority: 4,
    timestamp: 1_700_000_000_000,
    expiration: 0,
    groupSequence: -1,
    contentKind: 'bytes',
    isCompressed: false,
    properties: Uint8Array.of(1, 2),
    content: Uint8Array.of(3, 4, 5),
    redeliveryCount: 2,
    brokerInTime: 1_700_000_000_016,
  };
}

test('a message read back without a destination is one of the topic it was sent to', () => {
  const topic = destination('topic', 'T.1');
  fc.assert(
    fc.property(message, (given) => {
      const plain = decodeMessage(Buffer.concat([...encodeMessage(given)]), QUEUE);
      const payload = Buffer.concat([...encodeMessage(given, topic)]);
      expect(decodeMessage(payload)).toEqual({ ...plain, destination: topic });
      expect(decodeMessage(payload, QUEUE)).toEqual(plain);
    }),
  );
});

test('a message that does not say where it was sent cannot be read without a destination', () => {
  const payload = Buffer.concat([...encodeMessage(sample())]);
  expect(() => decodeMessage(payload)).toThrow(expect.objectContaining({ code: 'BATON_CORRUPT' }));
});

test('a message with parts that this version does not know is refused', () => {
  const payload = Buffer.concat([...encodeMessage(sample(), destination('topic', 'T'))]);
  payload[72] = 0x80;
  expect(() => decodeMessage(payload, QUEUE)).toThrow(
    expect.objectContaining({ code: 'BATON_STORE_FORMAT' }),
  );
});
