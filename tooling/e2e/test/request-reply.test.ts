import { fileURLToPath } from 'node:url';
import { connect, type Connection, type ReceivedMessage } from '@batonmq/client';
import { BrokerError } from '@batonmq/model';
import { compileJava, runJava, temporaryDirectory } from '@batonmq/services';
import { expect, test, vi } from 'vitest';
import { BrokerPair } from '../src/broker-pair.ts';

const SOURCE = fileURLToPath(new URL('../java/JmsReply.java', import.meta.url));
const TRIES = 20;

/** Who asked may not be back yet: then the one who answers is told, and tries again. */
async function answer(connection: Connection, question: ReceivedMessage): Promise<void> {
  const text = `re: ${question.text ?? ''}`;
  await vi.waitFor(() => connection.reply(question, text), { timeout: 10_000, interval: 50 });
}

/** An answer that was in the memory of the broker that died does not come: then the one who asked is told. */
async function ask(connection: Connection, text: string): Promise<string | null | undefined> {
  for (let tries = 1; ; tries++) {
    try {
      return (await connection.request('queue://questions', text, { timeoutMs: 2_000 })).text;
    } catch (thrown) {
      const isTold = thrown instanceof BrokerError && thrown.code === 'BATON_TIMEOUT';
      if (!isTold || tries === TRIES) throw thrown;
    }
  }
}

test('questions over a temporary queue are answered, or it is told, when the broker is killed', async () => {
  await using directory = await temporaryDirectory();
  await using pair = await BrokerPair.start({ directory: directory.path });
  await using server = await connect(pair.uri);
  await using questions = await server.createConsumer('queue://questions');
  const failures: Error[] = [];
  server.on('error', ({ error }) => failures.push(error));
  questions.listen((question) => answer(server, question));
  await using client = await connect(pair.uri);

  const answers: (string | null | undefined)[] = [];
  for (let index = 0; index < 300; index++) {
    const answered = ask(client, String(index));
    if (index === 150) await pair.killActive();
    answers.push(await answered);
  }
  expect(answers).toEqual(Array.from({ length: 300 }, (_, index) => `re: ${index}`));
  expect(failures).toEqual([]);
}, 60_000);

test('questions of the Java client over a temporary queue are answered when the broker is killed', async () => {
  await using directory = await temporaryDirectory();
  await using pair = await BrokerPair.start({ directory: directory.path });
  await using run = runJava(await compileJava(SOURCE), [pair.uri, '400']);
  await run.line(/^HALFWAY$/, { timeoutMs: 30_000 });
  await pair.killActive();
  const [result = ''] = await run.line(/^answered .*$/, { timeoutMs: 60_000 });
  expect(result).toMatch(/^answered 400 of 400, /);
}, 90_000);
