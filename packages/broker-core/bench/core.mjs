/**
 * Question: what does the broker itself cost per message, without sockets and disks?
 * Workload: 1 KB messages from one producer, without receipts but the last of each turn's 500, to 1,
 *   10 and 50 consumers (prefetch 1000) that ack each one; persistent into store-memory, and not.
 * Leaves out: encoding and decoding of a protocol, the socket, the journal and its sync.
 * Run: `npx tsc -b packages/broker-core packages/store-memory && node packages/broker-core/bench/core.mjs`
 */
import { performance } from 'node:perf_hooks';
import { setImmediate } from 'node:timers';
import { connectionId, destination, producerId } from '@batonmq/model';
import { nodeRuntime } from '@batonmq/runtime/node';
import { memoryStore } from '@batonmq/store-memory';
import { createBroker } from '@batonmq/broker-core';

const BURST = 500;
const MESSAGES = Number(process.argv[2] ?? 400_000);

async function run(name, isPersistent, consumerCount) {
  const broker = createBroker({
    name: 'bench',
    store: memoryStore({ messageBytesMax: 2 ** 32 }),
    components: nodeRuntime(),
  });
  await broker.start();
  while (broker.role !== 'active') await nextTurn();
  const connection = broker.connect(clientOptions());
  const target = destination('queue', 'BENCH');
  const producer = producerId(connection.connectionId, 1, 1);
  connection.addProducer({ producerId: producer, destination: target });
  let deliveredCount = 0;
  for (let index = 0; index < consumerCount; index += 1) {
    const pending = [];
    let isAckPlanned = false;
    const subscription = connection.subscribe({
      consumerKey: `c${index}`,
      destination: target,
      prefetchCount: 1000,
      isBrowser: false,
      isNoLocal: false,
      isExclusive: false,
      isRetroactive: false,
      priority: 0,
      sink: {
        isCongested: false,
        deliver({ message }) {
          deliveredCount += 1;
          pending.push(message.id);
          if (isAckPlanned) return;
          isAckPlanned = true;
          setImmediate(() => {
            isAckPlanned = false;
            for (const {
              producerId: { key },
              producerSequence,
            } of pending.splice(0)) {
              const reference = { producerKey: key, producerSequence };
              subscription.ack({
                kind: 'standard',
                first: reference,
                last: reference,
                messageCount: 1,
              });
            }
          });
        },
        exhausted() {},
        ended() {},
      },
    });
  }
  const content = new Uint8Array(1024);
  const started = performance.now();
  let sentCount = 0;
  while (sentCount < MESSAGES) {
    await new Promise((resolve) => {
      for (let index = 0; index < BURST; index += 1) {
        sentCount += 1;
        connection.send(
          {
            id: { producerId: producer, producerSequence: sentCount },
            producerId: producer,
            destination: target,
            isPersistent,
            priority: 4,
            timestamp: 1_700_000_000_000,
            expiration: 0,
            groupSequence: 0,
            contentKind: 'bytes',
            isCompressed: false,
            content,
            redeliveryCount: 0,
            brokerInTime: 1_700_000_000_000,
          },
          index === BURST - 1 ? { settled: resolve } : undefined,
        );
      }
    });
  }
  while (deliveredCount < MESSAGES) await nextTurn();
  const seconds = (performance.now() - started) / 1000;
  console.log(
    JSON.stringify({
      workload: name,
      consumerCount,
      messagesPerSecond: Math.round(MESSAGES / seconds),
    }),
  );
  await broker.stop();
}

function clientOptions() {
  const nothing = () => {};
  const control = {
    failed: console.error,
    pauseInput: nothing,
    resumeInput: nothing,
    disconnect: nothing,
  };
  return {
    connectionId: connectionId('ID:bench-1:1'),
    clientId: 'bench',
    remoteAddress: 'none',
    protocol: 'none',
    isReconnect: false,
    control,
  };
}

function nextTurn() {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}

for (const consumerCount of [1, 10, 50]) {
  await run('persistent', true, consumerCount);
  await run('non-persistent', false, consumerCount);
}
