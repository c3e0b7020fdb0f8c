import { fileURLToPath } from 'node:url';
import {
  compileJava,
  freePort,
  runJava,
  startActiveMq,
  startBatonMq,
  type JavaProgram,
} from '@batonmq/services';
import type { Client, IMessage } from '@stomp/stompjs';
import { TCPWrapper } from '@stomp/tcp-wrapper';
import { beforeAll, describe, expect, test } from 'vitest';
import { stompHeaders, stompJsClient } from './stomp-js-client.ts';

const SOURCE = fileURLToPath(new URL('../java/JmsStompPeer.java', import.meta.url));

/** What a STOMP client sees of a message, without what differs from run to run. */
interface Shown {
  readonly body: string;
  readonly headers: Readonly<Record<string, string>>;
}

/** What both sides saw. */
interface Exchange {
  /** By the STOMP client, of what Java sent. */
  readonly fromJava: readonly Shown[];
  /** By the Java client, of what STOMP sent: a line each. */
  readonly fromStomp: readonly string[];
}

const FROM_JAVA_COUNT = 13;

/** What the STOMP client sends, in order. */
const SENT = [
  { headers: {}, body: 'plain' },
  { headers: { priority: '4' }, body: 'gr\u00fc\u00dfe \u20ac' },
  { headers: { 'amq-msg-type': 'text' }, body: 'text by type' },
  { headers: { 'amq-msg-type': 'bytes' }, body: 'bytes by type' },
  { headers: { 'correlation-id': 'c:1', type: 't', 'reply-to': '/topic/back' }, body: 'headers' },
  { headers: { 'a:name': 'a\nvalue', number: '7' }, body: 'properties' },
  { headers: { JMSXGroupID: 'g', JMSXGroupSeq: '3' }, body: 'group' },
  { headers: {}, body: '' },
] as const;

async function exchange(openWireUri: string, stompPort: number): Promise<Exchange> {
  const program = await compileJava(SOURCE);
  const client = await stompJsClient(() => new TCPWrapper('127.0.0.1', stompPort));
  const fromJava = await receivedFromJava(program, openWireUri, client);
  const fromStomp = await sentToJava(program, openWireUri, client);
  await client.deactivate();
  return { fromJava, fromStomp };
}

async function receivedFromJava(
  program: JavaProgram,
  uri: string,
  client: Client,
): Promise<readonly Shown[]> {
  const messages: Shown[] = [];
  const all = new Promise<void>((resolve) => {
    client.subscribe('/queue/to.stomp', (message) => {
      messages.push(shown(message));
      if (messages.length === FROM_JAVA_COUNT) resolve();
    });
  });
  await using java = runJava(program, [uri, 'send', 'to.stomp']);
  await java.succeeded();
  await all;
  return messages;
}

async function sentToJava(
  program: JavaProgram,
  uri: string,
  client: Client,
): Promise<readonly string[]> {
  const lines: string[] = [];
  await using java = runJava(program, [uri, 'receive', 'to.java', String(SENT.length)], {
    onLine: (line) => {
      if (line.startsWith('received ')) lines.push(line);
    },
  });
  for (const { headers, body } of SENT) {
    client.publish({
      destination: '/queue/to.java',
      headers: stompHeaders(headers),
      body,
      skipContentLengthHeader: true,
    });
  }
  await java.succeeded();
  return lines;
}

const CHANGING = ['message-id', 'timestamp', 'subscription'];

function shown({ headers, binaryBody }: IMessage): Shown {
  const kept = Object.entries(headers).filter(([name]) => !CHANGING.includes(name));
  return {
    body: Buffer.from(binaryBody).toString('latin1'),
    headers: Object.fromEntries(kept.sort(([one], [other]) => (one < other ? -1 : 1))),
  };
}

describe('what Java and STOMP clients exchange', () => {
  let baton: Exchange;
  let activeMq: Exchange;

  beforeAll(async () => {
    await using broker = await startBatonMq({ name: 'broker', store: 'memory:' });
    await broker.becomes('active');
    baton = await exchange(broker.uri, broker.port);
    const stompPort = await freePort();
    await using control = await startActiveMq({ stompPort });
    activeMq = await exchange(control.uri, stompPort);
  }, 120_000);

  test('Java gets from STOMP what it gets with ActiveMQ', () => {
    expect(baton.fromStomp).toEqual(activeMq.fromStomp);
  });

  test('STOMP gets from Java what it gets with ActiveMQ, but for two things', () => {
    const expected = activeMq.fromJava.map((message): Shown => {
      // ActiveMQ passes the bytes that Java wrote, which are not UTF-8: a NUL and a character of four bytes.
      if (message.body.startsWith('umlaut')) {
        const text = Buffer.from('umlaut \u00fc euro \u20ac smile \u{1F600} nul \0 end');
        const headers = { 'content-length': String(text.length), ...message.headers };
        return { body: text.toString('latin1'), headers };
      }
      // ActiveMQ does not show the group.
      if (message.body === 'grouped') {
        const group = { JMSXGroupID: 'g', JMSXGroupSeq: '5', JMSXGroupFirstForConsumer: 'true' };
        const headers = { ...group, ...message.headers };
        return { body: message.body, headers };
      }
      return message;
    });
    expect(baton.fromJava).toEqual(expected);
  });
});
