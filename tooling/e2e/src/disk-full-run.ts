import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { connect, type Connection } from '@batonmq/client';
import { isBrokerError } from '@batonmq/model';
import { freePort, startBatonMq, temporaryDirectory } from '@batonmq/services';

/** Room of the file system that fills up: two segments and a little. */
const ROOM = '160m';
const BODY_BYTES = 64 * 1024;
const SEND_TIMEOUT_MS = 3_000;
const REUSE_TIMEOUT_MS = 20_000;
const REUSE_POLL_MS = 50;

export interface DiskFullResult {
  /** Sends answered before the disk was full. */
  readonly storedCount: number;
  /** Why the first send failed: a code of ours. */
  readonly refusal: string;
  /** Of the stored ones, how many were received afterwards. */
  readonly receivedCount: number;
  /** Whether sends succeed again when the messages are gone. */
  readonly isUsableAgain: boolean;
}

/**
 * Fills the file system of a broker, then empties it through a consumer. The file system is a small one of its
 * own that only the broker sees, so nothing else suffers and nothing has to be cleaned up.
 */
export async function diskFullRun(): Promise<DiskFullResult> {
  await using directory = await temporaryDirectory();
  const mountPoint = join(directory.path, 'small');
  await mkdir(mountPoint);
  const mount = `mount -t tmpfs -o size=${ROOM} small ${mountPoint} && exec "$0" "$@"`;
  await using broker = await startBatonMq({
    name: 'small',
    port: await freePort(),
    store: `file:${mountPoint}/data`,
    wrapper: ['unshare', '--user', '--map-root-user', '--mount', 'sh', '-c', mount],
  });
  await broker.becomes('active');
  await using connection = await connect(broker.uri, { sendTimeoutMs: SEND_TIMEOUT_MS });
  const { storedCount, refusal } = await fill(connection);
  const receivedCount = await drain(connection, storedCount);
  const isUsableAgain = await sendsAgain(connection);
  return { storedCount, refusal, receivedCount, isUsableAgain };
}

async function fill(connection: Connection): Promise<{ storedCount: number; refusal: string }> {
  const producer = await connection.createProducer('queue://full');
  const body = new Uint8Array(BODY_BYTES);
  for (let storedCount = 0; ; storedCount += 1) {
    try {
      await producer.send(body);
    } catch (error) {
      return { storedCount, refusal: isBrokerError(error) ? error.code : String(error) };
    }
  }
}

async function drain(connection: Connection, storedCount: number): Promise<number> {
  const consumer = await connection.createConsumer('queue://full');
  let receivedCount = 0;
  // The send that was refused with an unknown outcome may be there as well.
  while (
    (await consumer.receive({ timeoutMs: receivedCount < storedCount ? 10_000 : 200 })) !==
    undefined
  ) {
    receivedCount += 1;
  }
  await consumer.close();
  return receivedCount;
}

/** Space is freed in the background, so the first sends may still find none. */
async function sendsAgain(connection: Connection): Promise<boolean> {
  const producer = await connection.createProducer('queue://again');
  const deadline = performance.now() + REUSE_TIMEOUT_MS;
  while (performance.now() < deadline) {
    try {
      await producer.send(new Uint8Array(BODY_BYTES));
      return true;
    } catch (error) {
      if (!isBrokerError(error)) throw error;
    }
    await delay(REUSE_POLL_MS);
  }
  return false;
}
