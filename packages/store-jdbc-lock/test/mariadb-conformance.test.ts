import { startMariaDb, temporaryDirectory } from '@batonmq/services';
import { afterAll, beforeAll } from 'vitest';
import { storeConformanceOn } from './fixtures/conformance-on.ts';

type Server = Awaited<ReturnType<typeof startMariaDb>>;
let directory: Awaited<ReturnType<typeof temporaryDirectory>>;
let server: Server;

beforeAll(async () => {
  directory = await temporaryDirectory();
  server = await startMariaDb({ directory: directory.path });
});

afterAll(async () => {
  await server[Symbol.asyncDispose]();
  await directory[Symbol.asyncDispose]();
});

storeConformanceOn(() => ({ database: server.uri }));
