/** The load generator on our client: the same loads and the same output as java/Load.java. */
import { writeSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import { connect, type Connection, type Producer, type Session } from '@batonmq/client';
import { parseShape, type Latency } from './load-shape.ts';
import { Slots } from './slots.ts';

/** Without a message for so long, those that are missing count as lost. */
const PATIENCE_MS = 60_000;

/** Larger: fewer turns of the event loop, and consumers in this process wait longer for theirs. */
const UNANSWERED_PER_TURN = 100;

const shape = parseShape(process.argv.slice(2));
const { size, window = 1, transaction = 0, rate = 0, persistent = true } = shape;
const destination = `${shape.topic === true ? 'topic' : 'queue'}://${shape.destination ?? 'bench'}`;
const filling = Buffer.alloc(size, 'any bytes that do not repeat every few of them; ');

// It never outlives whoever started it.
const input = createInterface({ input: process.stdin }).once('close', () => process.exit(1));

switch (shape.mode) {
  case 'load':
    await load();
    break;
  case 'drain':
    await drain();
    break;
  case 'idle':
    await idle();
    break;
}
// Closing thousands of connections one by one would measure nothing.
process.exit(0);

/** Producers and consumers at once: a warm-up, then the measured time. */
async function load(): Promise<void> {
  const receivers: Receiver[] = [];
  for (let i = shape.consumers ?? 0; i > 0; i--) receivers.push(await openReceiver(await open()));
  const senders: Sender[] = [];
  for (let i = shape.producers ?? 1; i > 0; i--) senders.push(await openSender(await open()));

  const { warmUpSeconds = 0, seconds = 5, count } = shape;
  if (warmUpSeconds > 0) await runPhase(senders, receivers, warmUpSeconds, Infinity);
  say({ event: 'measuring' });
  say(
    count === undefined
      ? await runPhase(senders, receivers, seconds, Infinity)
      : await runPhase(senders, receivers, Infinity, count),
  );
}

/** Waits for a broker that is about to return, and takes all that it has kept. */
async function drain(): Promise<void> {
  await warmUpClient();
  say({ event: 'ready' });
  await told('go');
  const receiver = await openReceiver(await openAsSoonAsPossible());
  await receivedBy([receiver], 1);
  const { firstMs } = receiver;
  const firstWallMs = performance.timeOrigin + firstMs;
  const received = await receivedBy([receiver], shape.count ?? 1);
  say({
    event: 'result',
    sent: 0,
    received,
    seconds: (receiver.lastMs - firstMs) / 1000,
    firstWallMs,
  });
}

/** Connections that do nothing. */
async function idle(): Promise<void> {
  const connections: Connection[] = [];
  for (let i = shape.connections ?? 1000; i > 0; i--) connections.push(await open());
  say({ event: 'ready' });
  await told('go');
  say({ event: 'result', sent: 0, received: 0, seconds: 0, connections: connections.length });
}

/** Compiles the client's code through another destination, so that its time is not measured. */
async function warmUpClient(): Promise<void> {
  const connection = await open();
  const other = `${destination}.warm-up`;
  const producer = await connection.createProducer(other, { isPersistent: false });
  const consumer = await connection.createConsumer(other);
  for (let i = 0; i < 1000; i++) void producer.send(filling);
  for (let i = 0; i < 1000; i++) await consumer.receive();
  await connection.close();
}

async function openAsSoonAsPossible(): Promise<Connection> {
  const deadline = performance.now() + PATIENCE_MS;
  for (;;) {
    try {
      return await open();
    } catch (refused) {
      if (performance.now() > deadline) throw refused;
      await delay(2);
    }
  }
}

function open(): Promise<Connection> {
  return connect(shape.uri);
}

function openSession(connection: Connection): Promise<Session> {
  return connection.createSession({ isTransacted: transaction > 0 });
}

/** Sends for a time or a number of messages, and waits until all of them are received. */
async function runPhase(
  senders: readonly Sender[],
  receivers: readonly Receiver[],
  seconds: number,
  count: number,
): Promise<Record<string, unknown>> {
  const receivedBefore = totalOf(receivers);
  for (const receiver of receivers) receiver.latencies.length = 0;
  const startMs = performance.now();
  const share = Math.floor(count / senders.length);
  await Promise.all(senders.map((sender) => sender.run(startMs, startMs + seconds * 1000, share)));
  const sent = senders.reduce((sum, sender) => sum + sender.sent, 0);
  let endMs = performance.now();
  let received = 0;
  if (receivers.length > 0) {
    const expected = shape.topic === true ? sent * receivers.length : sent;
    received = (await receivedBy(receivers, receivedBefore + expected)) - receivedBefore;
    endMs = Math.max(...receivers.map((receiver) => receiver.lastMs));
  }
  return {
    event: 'result',
    sent,
    received,
    seconds: (endMs - startMs) / 1000,
    receiptMs: latencyOf(senders.flatMap((sender) => sender.latencies)),
    deliveryMs: latencyOf(receivers.flatMap((receiver) => receiver.latencies)),
  };
}

async function receivedBy(receivers: readonly Receiver[], expected: number): Promise<number> {
  let last = -1;
  let deadline = 0;
  for (;;) {
    const received = totalOf(receivers);
    if (received >= expected) return received;
    if (received !== last) {
      last = received;
      deadline = performance.now() + PATIENCE_MS;
    } else if (performance.now() > deadline) {
      throw new Error(`received ${received} of ${expected}`);
    }
    await delay(1);
  }
}

function totalOf(receivers: readonly Receiver[]): number {
  return receivers.reduce((sum, receiver) => sum + receiver.received, 0);
}

/** A producer with a connection of its own. */
interface Sender {
  sent: number;
  readonly latencies: number[];
  run(startMs: number, stopMs: number, count: number): Promise<void>;
}

async function openSender(connection: Connection): Promise<Sender> {
  const session = await openSession(connection);
  const producer = await session.createProducer(destination, { isPersistent: persistent });
  const sender: Sender = {
    sent: 0,
    latencies: [],
    async run(startMs, stopMs, count) {
      sender.sent = 0;
      sender.latencies.length = 0;
      const slots = new Slots(window);
      while (sender.sent < count && performance.now() < stopMs) {
        if (transaction > 0) {
          await sendTransaction(session, producer, sender);
          continue;
        }
        const dueMs = await due(startMs, sender.sent);
        const receipt = producer.send(message(dueMs));
        sender.sent++;
        if (window > 1) {
          slots.fill(receipt, () => sender.latencies.push(performance.now() - dueMs));
          if (slots.areFull) await slots.oneFree();
        } else {
          await receipt;
          if (persistent) sender.latencies.push(performance.now() - dueMs);
          // Sends without receipts would never let the loop get to the sockets.
          else if (sender.sent % UNANSWERED_PER_TURN === 0) await nextTurn();
        }
      }
      await slots.allFree();
    },
  };
  return sender;
}

/**
 * When the next message is to be sent, not before then. At a fixed rate latency counts from here, so
 * that a message that waits behind a slow one shows it.
 */
async function due(startMs: number, sent: number): Promise<number> {
  if (rate === 0) return performance.now();
  const dueMs = startMs + (sent * 1000) / rate;
  const aheadMs = dueMs - performance.now();
  // Timers are late by up to a millisecond; the rest is waited for in turns of the event loop.
  if (aheadMs > 2) await delay(aheadMs - 1.5);
  while (performance.now() < dueMs) await nextTurn();
  return dueMs;
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}

async function sendTransaction(
  session: Session,
  producer: Producer,
  sender: Sender,
): Promise<void> {
  const begunMs = performance.now();
  for (let i = 0; i < transaction; i++) void producer.send(message(performance.now()));
  await session.commit();
  sender.latencies.push(performance.now() - begunMs);
  sender.sent += transaction;
}

function message(dueMs: number): Uint8Array {
  const body = Buffer.from(filling);
  body.writeDoubleBE(dueMs);
  return body;
}

/** A consumer with a connection of its own, one acknowledgement per message or transaction. */
interface Receiver {
  received: number;
  firstMs: number;
  lastMs: number;
  readonly latencies: number[];
}

async function openReceiver(connection: Connection): Promise<Receiver> {
  const session = await openSession(connection);
  const consumer = await session.createConsumer(destination, { prefetchCount: 1000 });
  const receiver: Receiver = { received: 0, firstMs: 0, lastMs: 0, latencies: [] };
  const count = (sentMs: number): void => {
    receiver.lastMs = performance.now();
    if (receiver.received === 0) receiver.firstMs = receiver.lastMs;
    receiver.latencies.push(receiver.lastMs - sentMs);
    receiver.received++;
  };
  consumer.listen(({ bytes = new Uint8Array() }) => {
    const sentMs = new DataView(bytes.buffer, bytes.byteOffset).getFloat64(0);
    const isLastOfTransaction = transaction > 0 && (receiver.received + 1) % transaction === 0;
    if (!isLastOfTransaction) {
      count(sentMs);
      return;
    }
    return session.commit().then(() => {
      count(sentMs);
    });
  });
  return receiver;
}

function latencyOf(samples: readonly number[]): Latency | null {
  const sorted = Float64Array.from(samples).sort();
  if (sorted.length === 0) return null;
  const at = (share: number): number => sorted[Math.floor(sorted.length * share)] ?? NaN;
  return { p50: at(0.5), p99: at(0.99), max: sorted[sorted.length - 1] ?? NaN };
}

async function told(command: string): Promise<void> {
  await new Promise<void>((resolve) => {
    input.on('line', (line) => {
      if (line === command) resolve();
    });
  });
}

function say(event: Record<string, unknown>): void {
  // Written before the process may exit, which a stream would not promise.
  writeSync(1, `${JSON.stringify(event)}\n`);
}
