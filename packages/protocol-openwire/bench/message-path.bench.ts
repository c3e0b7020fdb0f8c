/**
 * Question: what does the protocol cost for each message, in and out, without broker and socket?
 * Workload: a persistent text message of 1 KiB as the Java client sends it, loose and uncached, version
 * 12. In: cut and decoded from a 64 KiB chunk, converted. Out: converted and encoded as a dispatch. One
 * iteration is one chunk of messages.
 * Leaves out: replies, acks, the broker, system calls.
 * Run with `npx vitest bench packages/protocol-openwire`.
 */
import {
  command,
  createWireFormat,
  FrameReader,
  FrameWriter,
  isWireMessage,
  negotiate,
  preferredWireFormatInfo,
  type WireMessage,
} from '@batonmq/openwire';
import { bench, describe } from 'vitest';
import { wireDestination } from '../src/destination-conversion.ts';
import { ProducerIds } from '../src/identity.ts';
import { messageOf, wireMessageOf } from '../src/message-conversion.ts';

const CHUNK_BYTES = 65_536;
const PREFERENCES = preferredWireFormatInfo();
const SETTINGS = negotiate(PREFERENCES, PREFERENCES);

const SENT: WireMessage = command('ActiveMQTextMessage', {
  commandId: 7,
  responseRequired: true,
  producerId: {
    type: 'ProducerId',
    connectionId: 'ID:host-41234-1700000000000-1:1',
    sessionId: 1,
    value: 1,
  },
  destination: { type: 'ActiveMQQueue', physicalName: 'orders.incoming' },
  messageId: command('MessageId', {
    producerId: {
      type: 'ProducerId',
      connectionId: 'ID:host-41234-1700000000000-1:1',
      sessionId: 1,
      value: 1,
    },
    producerSequenceId: 1_234_567,
  }),
  persistent: true,
  priority: 4,
  timestamp: 1_700_000_000_000,
  content: Buffer.alloc(1024, 'x'),
});

const frame = createWireFormat(SETTINGS).encode(SENT);
const count = Math.floor(CHUNK_BYTES / frame.length);
const chunk = Buffer.concat(Array.from({ length: count }, () => frame));

function reader(): FrameReader {
  const made = new FrameReader();
  const info = createWireFormat({ ...SETTINGS, version: 1 }).encode(PREFERENCES);
  for (const first of made.push(info)) {
    if (first.type === 'WireFormatInfo') made.start(createWireFormat(SETTINGS));
  }
  return made;
}

describe(`${count} messages of 1 KiB`, () => {
  const frames = reader();
  const ids = new ProducerIds();
  const writer = new FrameWriter();
  writer.write(PREFERENCES);
  writer.start(createWireFormat(SETTINGS));
  const message = messageOf(SENT, ids, 1);
  const delivery = {
    message,
    destination: message.destination,
    brokerSequence: 9,
    redeliveryCount: 0,
  };
  const consumerId = {
    type: 'ConsumerId',
    connectionId: 'ID:host-41234-1700000000000-3:1',
    sessionId: 1,
    value: 1,
  } as const;

  bench('cut and decoded', () => {
    for (const received of frames.push(chunk)) isWireMessage(received);
  });

  bench('cut, decoded and converted', () => {
    for (const received of frames.push(chunk)) {
      if (isWireMessage(received)) messageOf(received, ids, 1);
    }
  });

  bench('converted and encoded as dispatches', () => {
    for (let done = 0; done < count; done += 1) {
      writer.write({
        type: 'MessageDispatch',
        commandId: 0,
        responseRequired: false,
        consumerId,
        destination: wireDestination(delivery.destination),
        message: wireMessageOf(delivery, 1),
        redeliveryCounter: 0,
      });
    }
    writer.take();
  });
});
