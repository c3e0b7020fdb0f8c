import { startGalera, temporaryDirectory } from '@batonmq/services';
import { afterAll, beforeAll } from 'vitest';
import { storeConformanceOn } from './fixtures/conformance-on.ts';

type Cluster = Awaited<ReturnType<typeof startGalera>>;
let directory: Awaited<ReturnType<typeof temporaryDirectory>>;
let cluster: Cluster;

beforeAll(async () => {
  directory = await temporaryDirectory();
  cluster = await startGalera({ directory: directory.path });
}, 120_000);

afterAll(async () => {
  await cluster[Symbol.asyncDispose]();
  await directory[Symbol.asyncDispose]();
});

let storeCount = 0;

/** Each store begins with another node. */
storeConformanceOn(() => {
  storeCount += 1;
  const hosts = cluster.nodes.map((_, index) => {
    const node = cluster.nodes[(index + storeCount) % cluster.nodes.length];
    return `127.0.0.1:${node?.port}`;
  });
  return { database: `mysql://mq:mq@${hosts.join(',')}/mq` };
});
