import { destination, type Message } from '@batonmq/model';
import { decodeProperties } from '@batonmq/message-content';
import { command, isWireMessage, type WireMessage } from '@batonmq/openwire';
import { describe, expect, test } from 'vitest';
import { readCapture } from '../test/capture.ts';
import { ProducerIds } from './identity.ts';
import { encodeExtension, messageOf, wireMessageOf } from './message-conversion.ts';

const ARRIVAL = 1_800_000_000_000;
const DEPARTURE = ARRIVAL + 5;

/** There and back, as a consumer gets it. */
function converted(sent: WireMessage, ids = new ProducerIds()): WireMessage {
  const message = messageOf(sent, ids, ARRIVAL);
  const delivery = {
    message,
    destination: message.destination,
    brokerSequence: 77,
    redeliveryCount: 3,
  };
  return wireMessageOf(delivery, DEPARTURE);
}

/** What a broker changes in a message, and what means nothing in a dispatched one. */
function asDispatched(sent: WireMessage): WireMessage {
  return {
    ...sent,
    commandId: 0,
    responseRequired: false,
    messageId: sent.messageId && { ...sent.messageId, brokerSequenceId: 77 },
    redeliveryCounter: 3,
    brokerInTime: ARRIVAL,
    brokerOutTime: DEPARTURE,
  };
}

const SENT = command('ActiveMQTextMessage', {
  producerId: { type: 'ProducerId', connectionId: 'ID:c', sessionId: 1, value: 2 },
  destination: { type: 'ActiveMQQueue', physicalName: 'A' },
  messageId: command('MessageId', {
    producerId: { type: 'ProducerId', connectionId: 'ID:c', sessionId: 1, value: 2 },
    producerSequenceId: 9,
  }),
  timestamp: 1,
  priority: 4,
});

describe('what a consumer gets is what was sent', () => {
  test.each(['core', 'types', 'tx', 'temp', 'misc', 'blob', 'acks', 'bridge'])(
    'by the real client in the recording %s',
    (name) => {
      const ids = new ProducerIds();
      const messages = readCapture(name)
        .filter(({ from }) => from === 'C')
        .map((captured) => captured.command)
        .filter(isWireMessage);
      expect(messages.length).toBeGreaterThan(0);
      for (const sent of messages) expect(converted(sent, ids)).toEqual(asDispatched(sent));
    },
  );

  test('with every field that has no place in the broker', () => {
    const brokers = [{ type: 'BrokerId', value: 'ID:b' }] as const;
    const sent: WireMessage = {
      ...SENT,
      dataStructure: command('ConsumerInfo', { prefetchSize: 7, brokerPath: brokers }),
      targetConsumerId: { type: 'ConsumerId', connectionId: 'ID:c', sessionId: -1, value: 1 },
      brokerPath: brokers,
      cluster: brokers,
      arrival: 12,
      recievedByDFBridge: true,
      droppable: true,
      JMSXGroupFirstForConsumer: true,
      expiration: 2n ** 62n + 1n,
      timestamp: -(2n ** 63n),
    };
    expect(converted(sent)).toEqual(asDispatched(sent));
  });

  test('with every transaction id', () => {
    const global = Buffer.from('g');
    const sent: WireMessage = {
      ...SENT,
      transactionId: {
        type: 'LocalTransactionId',
        value: 5,
        connectionId: { type: 'ConnectionId', value: 'ID:c' },
      },
      originalTransactionId: {
        type: 'XATransactionId',
        formatId: 1,
        globalTransactionId: global,
        branchQualifier: Buffer.from('b'),
      },
    };
    expect(converted(sent)).toEqual(asDispatched(sent));
  });
});

describe('the broker keeps', () => {
  test('nothing beside its own fields for a message of an ordinary client', () => {
    expect(messageOf(SENT, new ProducerIds(), ARRIVAL).extension).toBeUndefined();
  });

  test('no more of the chunk a body arrived in than the body', () => {
    const chunk = Buffer.alloc(65_536, 'x');
    const small = messageOf(
      { ...SENT, content: chunk.subarray(100, 200), marshalledProperties: chunk.subarray(0, 10) },
      new ProducerIds(),
      ARRIVAL,
    );
    expect(small.content?.buffer.byteLength).toBe(100);
    expect(small.properties?.buffer.byteLength).toBe(10);
    const large = chunk.subarray(100, 60_000);
    const kept = messageOf({ ...SENT, content: large }, new ProducerIds(), ARRIVAL);
    expect(kept.content).toBe(large);
  });

  test('one object for each producer, so that its key is made once', () => {
    const ids = new ProducerIds();
    const first = messageOf(SENT, ids, ARRIVAL);
    const second = messageOf(structuredClone(SENT), ids, ARRIVAL);
    expect(second.producerId).toBe(first.producerId);
    expect(second.id.producerId).toBe(first.producerId);
    expect(first.producerId.key).toBe('ID:c:1:2');
  });
});

describe('a message is refused', () => {
  test.each([
    ['without an id', { messageId: null }, 'BATON_INVALID_ARGUMENT'],
    ['without a producer', { producerId: null }, 'BATON_INVALID_ARGUMENT'],
    ['without a destination', { destination: null }, 'BATON_INVALID_ARGUMENT'],
    [
      'with an empty destination',
      { destination: { type: 'ActiveMQQueue', physicalName: '' } },
      'BATON_INVALID_DESTINATION',
    ],
    [
      'with a count that no number holds',
      { messageId: command('MessageId', { ...SENT.messageId, producerSequenceId: 2n ** 60n }) },
      'BATON_UNSUPPORTED',
    ],
  ] as const)('%s', (_, fields, code) => {
    expect(() => messageOf({ ...SENT, ...fields }, new ProducerIds(), ARRIVAL)).toThrow(
      expect.objectContaining({ code }),
    );
  });
});

test('a dead letter shows why it is one', () => {
  const message: Message = {
    ...messageOf(SENT, new ProducerIds(), ARRIVAL),
    deadLetter: { cause: 'expired', originalExpiration: 42, wasPersistent: false },
  };
  const delivery = {
    message,
    destination: destination('queue', 'ActiveMQ.DLQ'),
    brokerSequence: 1,
    redeliveryCount: 0,
  };
  const properties = decodeProperties(wireMessageOf(delivery, DEPARTURE).marshalledProperties);
  expect(Object.fromEntries(properties)).toEqual({
    dlqDeliveryFailureCause: { kind: 'string', value: 'expired' },
    originalExpiration: { kind: 'long', value: 42 },
    originalDeliveryMode: { kind: 'string', value: 'NON_PERSISTENT' },
  });
});

test('a delivery shows that it is the first of its group, and the epoch of an exclusive consumer', () => {
  const delivery = {
    message: messageOf(SENT, new ProducerIds(), ARRIVAL),
    destination: destination('queue', 'A'),
    brokerSequence: 1,
    redeliveryCount: 0,
    isFirstForConsumer: true,
    exclusiveEpoch: 2 ** 33 + 7,
  };
  const wire = wireMessageOf(delivery, DEPARTURE);
  expect(wire.JMSXGroupFirstForConsumer).toBe(true);
  expect(decodeProperties(wire.marshalledProperties).get('BatonMQExclusiveEpoch')).toEqual({
    kind: 'long',
    value: 2 ** 33 + 7,
  });
});

test('a redelivery that the broker delayed says so, for without it the Java client may reject it', () => {
  const message = messageOf(SENT, new ProducerIds(), ARRIVAL);
  const delivery = {
    message,
    destination: message.destination,
    brokerSequence: 1,
    redeliveryCount: 9,
    redeliveryDelay: 5000,
  };
  const wire = wireMessageOf(delivery, DEPARTURE);
  expect(decodeProperties(wire.marshalledProperties).get('redeliveryDelay')).toEqual({
    kind: 'long',
    value: 5000,
  });
});

test('the extension of another protocol changes nothing', () => {
  const message = messageOf(SENT, new ProducerIds(), ARRIVAL);
  const delivery = {
    message,
    destination: message.destination,
    brokerSequence: 1,
    redeliveryCount: 0,
  };
  const plain = wireMessageOf(delivery, DEPARTURE);
  for (const extension of [
    Buffer.from('stomp:1'),
    Buffer.alloc(0),
    encodeExtension({}).subarray(2),
  ]) {
    const foreign = { ...delivery, message: { ...message, extension } };
    expect(wireMessageOf(foreign, DEPARTURE)).toEqual(plain);
  }
});
