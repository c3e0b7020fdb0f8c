import { connect } from '@batonmq/client';

export const BODY_BYTES = 1024;
const QUEUE = 'queue://backlog';

/** How long a backlog took. */
export interface BacklogRate {
  readonly seconds: number;
  readonly perSecond: number;
}

/** Sends `count` persistent messages of {@link BODY_BYTES}, numbered from 0; resolves when all are answered. */
export async function fillBacklog(uri: string, count: number): Promise<BacklogRate> {
  await using connection = await connect(uri, { sendTimeoutMs: -1 });
  const producer = await connection.createProducer(QUEUE);
  const startedAt = performance.now();
  await producer.sendAll(bodies(count));
  return rate(count, startedAt);
}

/** Receives `count` messages and acknowledges them. Throws at the first one that is not the next. */
export async function drainBacklog(uri: string, count: number): Promise<BacklogRate> {
  await using connection = await connect(uri);
  const consumer = await connection.createConsumer(QUEUE);
  const startedAt = performance.now();
  let expected = 0;
  for await (const message of consumer) {
    const number = numberOf(message.bytes);
    if (number !== expected) throw new Error(`Message ${number} came in the place of ${expected}`);
    expected += 1;
    if (expected < count) continue;
    await message.acknowledge();
    break;
  }
  return rate(count, startedAt);
}

/** Waits for the first message of the backlog, from whenever the broker lets clients in; gives it back. */
export async function firstOfBacklog(uri: string): Promise<void> {
  await using connection = await connect(uri);
  const consumer = await connection.createConsumer(QUEUE);
  for await (const message of consumer) {
    const number = numberOf(message.bytes);
    if (number !== 0) throw new Error(`Message ${number} is the first`);
    break;
  }
}

function* bodies(count: number): Generator<Uint8Array> {
  for (let number = 0; number < count; number += 1) {
    const body = Buffer.alloc(BODY_BYTES);
    body.writeUInt32BE(number);
    yield body;
  }
}

function numberOf(body: Uint8Array | undefined): number {
  return body?.length === BODY_BYTES
    ? Buffer.from(body.buffer, body.byteOffset, 4).readUInt32BE()
    : -1;
}

function rate(count: number, startedAt: number): BacklogRate {
  const seconds = (performance.now() - startedAt) / 1000;
  return { seconds, perSecond: Math.round(count / seconds) };
}
