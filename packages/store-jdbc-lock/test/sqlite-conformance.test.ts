import { join } from 'node:path';
import { temporaryDirectory } from '@batonmq/services';
import { afterAll, beforeAll } from 'vitest';
import { storeConformanceOn } from './fixtures/conformance-on.ts';

let directory: Awaited<ReturnType<typeof temporaryDirectory>>;

beforeAll(async () => {
  directory = await temporaryDirectory();
});

afterAll(async () => {
  await directory[Symbol.asyncDispose]();
});

let fileCount = 0;

storeConformanceOn(
  () => {
    fileCount += 1;
    return { database: `sqlite:${join(directory.path, `${fileCount}.db`)}` };
  },
  async (session) => {
    await session.run({ sql: 'pragma max_page_count = 1000', values: [] });
  },
);
