/**
 * Question: how long does one frame of the hot types take to decode and to encode?
 *
 * Workload: what a busy queue with 1 KiB bodies sees, loose, version 12, uncached (what BatonMQ
 * prefers) and tight and cached (what the reference client prefers). The last line cuts a stream
 * into frames as well. Left out: sockets, and properties, which are decoded only on demand.
 *
 * Run: pnpm --filter @batonmq/openwire run bench
 */
import { Bench } from 'tinybench';
import {
  command,
  createWireFormat,
  encodeText,
  FrameReader,
  FrameWriter,
  preferredWireFormatInfo,
} from '@batonmq/openwire';

const CONNECTION = 'ID:broker-host-34567-1700000000000-1:1';

/** @type {import('@batonmq/openwire').CodecSettings} */
const LOOSE = {
  version: 12,
  tightEncoding: false,
  cacheEnabled: false,
  cacheSize: 1024,
  stackTraceEnabled: true,
  maxFrameSize: 1024 * 1024,
};
const TIGHT_CACHED = { ...LOOSE, tightEncoding: true, cacheEnabled: true };

function message(type) {
  const producerId = command('ProducerId', { connectionId: CONNECTION, sessionId: 1, value: 1 });
  return command(type, {
    commandId: 4711,
    responseRequired: true,
    producerId,
    destination: command('ActiveMQQueue', { physicalName: 'orders.incoming' }),
    messageId: command('MessageId', { producerId, producerSequenceId: 1234 }),
    persistent: true,
    priority: 4,
    timestamp: 1_700_000_000_000,
    brokerInTime: 1_700_000_000_001,
    content: type === 'ActiveMQTextMessage' ? encodeText('x'.repeat(1024)) : Buffer.alloc(1024, 7),
    marshalledProperties: Buffer.from('0000000100016e0500000001', 'hex'),
  });
}

function dispatch(of) {
  return command('MessageDispatch', {
    consumerId: command('ConsumerId', { connectionId: CONNECTION, sessionId: 1, value: 1 }),
    destination: of.destination,
    message: of,
  });
}

function ack(of) {
  return command('MessageAck', {
    commandId: 17,
    destination: of.destination,
    consumerId: command('ConsumerId', { connectionId: CONNECTION, sessionId: 1, value: 1 }),
    ackType: 2,
    firstMessageId: of.messageId,
    lastMessageId: of.messageId,
    messageCount: 1,
  });
}

const text = message('ActiveMQTextMessage');
const bytes = message('ActiveMQBytesMessage');
const samples = [
  ['ActiveMQTextMessage', text],
  ['ActiveMQBytesMessage', bytes],
  ['MessageDispatch', dispatch(bytes)],
  ['MessageAck', ack(bytes)],
  ['Response', command('Response', { correlationId: 4711 })],
];

const bench = new Bench({ time: 400, warmupTime: 200 });
for (const [mode, settings] of [
  ['loose', LOOSE],
  ['tight+cached', TIGHT_CACHED],
]) {
  for (const [name, sample] of samples) {
    addDecode(`${mode} decode ${name}`, settings, sample);
    addEncode(`${mode} encode ${name}`, settings, sample);
  }
}
addStream('loose stream ActiveMQBytesMessage', bytes);
await bench.run();
for (const task of bench.tasks) {
  const { result } = task;
  if ('latency' in result)
    console.log(task.name.padEnd(40), `${(result.latency.p50 * 10).toFixed(2)} µs`);
}

/** A hundred frames per sample, since one takes less than the clock's resolution. */
function addDecode(name, settings, sample) {
  const format = createWireFormat(settings);
  const peer = createWireFormat(settings);
  format.decode(peer.encode(sample));
  const frame = peer.encode(sample);
  bench.add(name, () => {
    for (let i = 0; i < 100; i++) format.decode(frame);
  });
}

function addEncode(name, settings, sample) {
  const writer = new FrameWriter();
  writer.write(preferredWireFormatInfo());
  writer.start(createWireFormat(settings));
  bench.add(name, () => {
    for (let i = 0; i < 100; i++) writer.write(sample);
    writer.take();
  });
}

/** Chunks as a socket gives them: 64 KiB, frames cut anywhere. */
function addStream(name, sample) {
  const info = preferredWireFormatInfo();
  const writer = new FrameWriter();
  const reader = new FrameReader();
  writer.write(info);
  for (const { type } of reader.push(Buffer.concat(writer.take()))) {
    if (type === 'WireFormatInfo') reader.start(createWireFormat(LOOSE));
  }
  writer.start(createWireFormat(LOOSE));
  for (let i = 0; i < 100; i++) writer.write(sample);
  const stream = Buffer.concat(writer.take());
  bench.add(name, () => {
    let count = 0;
    for (let at = 0; at < stream.length; at += 65_536) {
      count += [...reader.push(stream.subarray(at, at + 65_536))].length;
    }
    if (count !== 100) throw new Error(`${count} of 100 frames were read`);
  });
}
