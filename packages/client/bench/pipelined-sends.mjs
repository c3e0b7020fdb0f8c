/**
 * Question: how many sends per second does the client manage by itself, pipelined?
 * Workload: 1 KB byte messages, each answered, through `send` (a promise each) and `sendAll` (one
 * for all), over loopback to a peer in another thread that answers and does nothing else.
 * Left out: any broker's work, and disks.
 *
 * Run after a build: node packages/client/bench/pipelined-sends.mjs [count]
 */
import { performance } from 'node:perf_hooks';
import { URL } from 'node:url';
import { isMainThread, parentPort, Worker } from 'node:worker_threads';
import {
  command,
  createWireFormat,
  FrameReader,
  FrameWriter,
  negotiate,
  preferredWireFormatInfo,
} from '@batonmq/openwire';
import { listen } from '@batonmq/transport';
import { connect } from '@batonmq/client';

const COUNT = Number(process.argv[2] ?? 300_000);

if (isMainThread) await measure();
else await answer();

async function measure() {
  const worker = new Worker(new URL(import.meta.url));
  const uri = await new Promise((resolve) => worker.once('message', resolve));
  const connection = await connect(uri);
  const producer = await connection.createProducer('queue://bench');
  const body = new Uint8Array(1024);
  for (let round = 0; round < 3; round++) {
    await time('send', () => eachWithItsPromise(producer, body));
    await time('sendAll', () => producer.sendAll(repeat(body)));
  }
  await connection.close();
  await worker.terminate();
}

async function eachWithItsPromise(producer, body) {
  const batch = 5_000;
  for (let sent = 0; sent < COUNT; sent += batch) {
    await Promise.all(Array.from({ length: batch }, () => producer.send(body)));
  }
}

function* repeat(body) {
  for (let index = 0; index < COUNT; index++) yield body;
}

async function time(name, run) {
  const started = performance.now();
  await run();
  const perSecond = Math.round((COUNT / (performance.now() - started)) * 1000);
  console.log(JSON.stringify({ name, count: COUNT, perSecond }));
}

async function answer() {
  const listener = await listen('tcp://127.0.0.1:0', (connection) => {
    const ours = preferredWireFormatInfo();
    const reader = new FrameReader();
    const writer = new FrameWriter();
    connection.start({
      take: () => writer.take(),
      received: (chunk) => {
        for (const incoming of reader.push(chunk)) {
          if (incoming.type === 'WireFormatInfo') {
            const format = createWireFormat(negotiate(ours, incoming));
            reader.start(format);
            writer.start(format);
          } else if ('responseRequired' in incoming && incoming.responseRequired) {
            writer.write(command('Response', { correlationId: incoming.commandId }));
          }
        }
        connection.requestFlush();
      },
      drained: () => undefined,
      closed: () => undefined,
    });
    writer.write(ours);
    connection.requestFlush();
  });
  parentPort?.postMessage(listener.uri);
}
