/**
 * Question: what does STOMP cost for each message, in and out?
 * Workload: a SEND of 1 KiB of text with the headers that clients usually write, cut from a chunk of 64 KiB and made
 * a message; the MESSAGE that a consumer gets of it; then both ends at a broker with a memory store, through connections
 * without sockets: one producer that fills a chunk a turn, one consumer with ack mode auto, messages that are not persistent.
 * Leaves out: receipts, the disk, system calls.
 * Run with `pnpm --filter @batonmq/protocol-stomp run bench`.
 */
import { setImmediate } from 'node:timers';
import { createBroker } from '@batonmq/broker-core';
import { connectionId, destination, producerId } from '@batonmq/model';
import { nodeRuntime } from '@batonmq/runtime/node';
import { memoryStore } from '@batonmq/store-memory';
import { FrameParser } from '../dist/codec/frame-parser.js';
import { Output } from '../dist/codec/output.js';
import { RULES } from '../dist/codec/version.js';
import { stompProtocol } from '../dist/index.js';
import { bodyOf } from '../dist/message/body.js';
import { messageFromFrame } from '../dist/message/message-from-frame.js';
import { MessageHeaders } from '../dist/message/message-headers.js';
import { STOMP_DEFAULTS } from '../dist/options.js';

const CHUNK_BYTES = 65_536;
/** Short ones, so that some run without being interrupted. */
const ROUNDS = 60;
const REPEATS = 100;
const BODY = 'x'.repeat(1024);
const PRODUCER = producerId(connectionId('ID:broker-1700000000000-1f2e3d4c-7:1'), -1, 1);
const QUEUE = destination('queue', 'orders.incoming');

const plain = Buffer.from(
  `SEND\ndestination:/queue/orders.incoming\nreceipt:message-1234567\npersistent:true\n\n${BODY}\0\n`,
);
const rich = Buffer.from(
  `SEND\ndestination:/queue/orders.incoming\nreceipt:message-1234567\npersistent:true\ncontent-length:1024\ncontent-type:text/plain\nregion:north\n\n${BODY}\0\n`,
);
const count = Math.floor(CHUNK_BYTES / rich.length);

function chunkOf(frame) {
  return Buffer.concat(Array.from({ length: count }, () => frame));
}

/** Nanoseconds for each of `count` messages, the best of some rounds. */
function measure(name, run) {
  let best = Infinity;
  for (let round = 0; round < ROUNDS; round += 1) {
    const start = process.hrtime.bigint();
    for (let done = 0; done < REPEATS; done += 1) run();
    best = Math.min(best, Number(process.hrtime.bigint() - start) / REPEATS / count);
  }
  console.log(`${name}: ${best.toFixed(0)} ns`);
}

const frames = new FrameParser(STOMP_DEFAULTS);
frames.agree(RULES['1.2'], STOMP_DEFAULTS);
let sequence = 0;

function messages(chunk) {
  let last;
  frames.push(chunk);
  for (let frame = frames.next(); frame !== undefined; frame = frames.next()) {
    last = messageFromFrame(frame, {
      producerId: PRODUCER,
      producerSequence: (sequence += 1),
      destination: QUEUE,
      replyTo: undefined,
      transactionId: undefined,
      now: 1_700_000_000_000,
    });
  }
  return last;
}

const plainChunk = chunkOf(plain);
const richChunk = chunkOf(rich);
measure('cut', () => {
  frames.push(plainChunk);
  while (frames.next() !== undefined);
});
measure('cut and made a message', () => messages(plainChunk));
measure('cut and made a message, bytes with two properties', () => messages(richChunk));

const output = new Output();
const headers = new MessageHeaders('1.2');
const prefix = Buffer.from('MESSAGE\nsubscription:1\ndestination:/queue/orders.incoming\n');

function write(message) {
  const body = bodyOf(message, CHUNK_BYTES);
  const own = headers.of(message);
  const sink = output.sink(prefix.length + own.length + body.length + 64);
  sink.bytes(prefix);
  sink.bytes(own);
  sink.byte(10);
  output.body(body);
  sink.byte(0);
}

const some = [messages(plainChunk), messages(richChunk)];
measure('written, each another message', () => {
  for (let done = 0; done < count; done += 1) write(some[done % 2]);
  output.take();
});
measure('written, all the same message', () => {
  for (let done = 0; done < count; done += 1) write(some[0]);
  output.take();
});

/** The broker's end of a connection without a socket. */
class Wire {
  remoteAddress = 'bench:';
  localAddress = 'bench:';
  bufferedBytes = 0;
  isCongested = false;
  bytes = 0;
  #isFlushRequested = false;

  start(handler) {
    this.handler = handler;
  }

  requestFlush() {
    if (this.#isFlushRequested) return;
    this.#isFlushRequested = true;
    setImmediate(() => {
      this.#isFlushRequested = false;
      for (const piece of this.handler.take()) this.bytes += piece.length;
    });
  }

  pause() {
    this.isPaused = true;
  }

  resume() {
    this.isPaused = false;
  }

  async close() {}

  destroy() {}
}

const components = nodeRuntime();
const broker = createBroker({ name: 'bench', store: memoryStore(), components });
await broker.start();
while (broker.role !== 'active') await new Promise((resolve) => setImmediate(resolve));
const protocol = stompProtocol({ broker, components });

function connected() {
  const wire = new Wire();
  protocol.accept(wire);
  wire.handler.received(Buffer.from('CONNECT\naccept-version:1.2\nhost:h\n\n\0'));
  return wire;
}

const producer = connected();
const consumer = connected();
consumer.handler.received(
  Buffer.from('SUBSCRIBE\nid:1\ndestination:/queue/A\nactivemq.prefetchSize:10000\n\n\0'),
);
const sent = chunkOf(Buffer.from(`SEND\ndestination:/queue/A\n\n${BODY}\0\n`));
consumer.bytes = 0;
producer.handler.received(Buffer.from(`SEND\ndestination:/queue/A\n\n${BODY}\0\n`));
while (consumer.bytes === 0) await new Promise((resolve) => setImmediate(resolve));
const frameBytes = consumer.bytes;
let best = Infinity;
for (let round = 0; round < ROUNDS; round += 1) {
  const before = consumer.bytes;
  const start = process.hrtime.bigint();
  for (let turn = 0; turn < REPEATS; turn += 1) {
    // Every chunk of a socket is memory of its own.
    if (producer.isPaused !== true) producer.handler.received(Buffer.from(sent));
    await new Promise((resolve) => setImmediate(resolve));
  }
  const received = (consumer.bytes - before) / frameBytes;
  best = Math.min(best, Number(process.hrtime.bigint() - start) / received);
}
console.log(`through the broker: ${best.toFixed(0)} ns`);
await protocol.close();
await broker.stop();
