import { readFileSync } from 'node:fs';
import { format } from 'node:util';
import { runInThisContext } from 'node:vm';
import { createMemorySpace } from '@batonmq/store-memory';
import { freePort } from '@batonmq/services';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { connect } from '../src/index.ts';
import { TestBroker } from './test-broker.ts';

type Program = (
  connection: typeof connect,
  output: { log: (...values: unknown[]) => void },
) => Promise<void>;

/** The code blocks of a page as one program, without its imports. */
function programOf(page: string): Program {
  const text = readFileSync(new URL(`../../../${page}`, import.meta.url), 'utf8');
  const blocks = [...text.matchAll(/```ts\n([^]*?)```/g)].map(([, code]) => code ?? '');
  const code = blocks.join('\n').replace(/^import .*$/gm, '');
  return runInThisContext(`(async (connect, console) => {${code}})`) as Program;
}

let port: number;
let broker: TestBroker;

beforeAll(async () => {
  port = await freePort();
  broker = new TestBroker(createMemorySpace(), 'documents', port);
  await broker.start();
  await broker.listening;
});

afterAll(async () => {
  await broker[Symbol.asyncDispose]();
});

/** Runs a page at the test's broker; gives what it printed. */
async function run(page: string): Promise<string[]> {
  const printed: string[] = [];
  const connections: Awaited<ReturnType<typeof connect>>[] = [];
  const atTestBroker: typeof connect = async (uri, options) => {
    const connection = await connect(
      uri.replaceAll(/127\.0\.0\.1:\d+/g, `127.0.0.1:${port}`),
      options,
    );
    connections.push(connection);
    return connection;
  };
  try {
    await programOf(page)(atTestBroker, { log: (...values) => printed.push(format(...values)) });
  } finally {
    await Promise.all(connections.map((connection) => connection.close()));
  }
  return printed;
}

test('the example of the README does what it says', async () => {
  expect(await run('packages/client/README.md')).toEqual(['two coffees']);
});

test('the snippets of the guide run', async () => {
  const printed = await run('docs/guides/client.md');
  expect(printed).toContainEqual(expect.stringMatching(/^a text/));
  expect(printed).toContainEqual(expect.stringMatching(/^\d{4}-\d\d-\d\dT/));
});
