import { fileURLToPath } from 'node:url';
import { startBatonMq, type BatonMq } from '@batonmq/services';
import type { IStompSocket } from '@stomp/stompjs';
import { TCPWrapper } from '@stomp/tcp-wrapper';
import stompit from 'stompit';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { messagesOf, settled, stompHeaders, stompJsClient } from './stomp-js-client.ts';
import { pythonScenarios, type ScenarioResults } from '../src/scenario-results.ts';

/** Debian's, which has Debian's packages; another one may come first in the path. */
const PYTHON = '/usr/bin/python3';
const SCRIPT = fileURLToPath(new URL('../python/stomp_py.py', import.meta.url));

let broker: BatonMq;

beforeAll(async () => {
  broker = await startBatonMq({ name: 'broker', store: 'memory:' });
  await broker.becomes('active');
}, 30_000);

afterAll(async () => {
  await broker[Symbol.asyncDispose]();
});

describe.each<[string, () => IStompSocket]>([
  ['TCP', () => new TCPWrapper('127.0.0.1', broker.port)],
  ['WebSocket', () => new WebSocket(`ws://127.0.0.1:${broker.port}`, ['v12.stomp', 'v11.stomp'])],
])('@stomp/stompjs over %s:', (transport, socket) => {
  test('text and bytes arrive as they were sent', async () => {
    const client = await stompJsClient(socket);
    const destination = `/queue/js.bodies.${transport}`;
    const binaryBody = Uint8Array.from({ length: 70_000 }, (_, index) => index % 256);
    client.publish({
      destination,
      body: 'gr\u00fc\u00dfe \u{1F600}',
      headers: stompHeaders({ key: 'a:b\nc' }),
    });
    client.publish({ destination, binaryBody });
    const [text, bytes] = await messagesOf(client, destination, 2);
    expect([text?.body, text?.headers['key']]).toEqual(['gr\u00fc\u00dfe \u{1F600}', 'a:b\nc']);
    expect(Buffer.from(bytes?.binaryBody ?? []).equals(binaryBody)).toBe(true);
    await client.deactivate();
  });

  test('messages are acked and nacked one by one', async () => {
    const client = await stompJsClient(socket);
    const destination = `/queue/js.acks.${transport}`;
    for (const body of ['1', '2', '3']) client.publish({ destination, body });
    const [first, second] = await messagesOf(client, destination, 3, 'client-individual');
    first?.ack();
    await settled(client, (receipt) => {
      second?.nack(stompHeaders({ receipt }));
    });
    await client.deactivate();
    const next = await stompJsClient(socket);
    const [left] = await messagesOf(next, destination, 1);
    expect([left?.body, left?.headers['redelivered']]).toEqual(['3', 'true']);
    await next.deactivate();
  });

  test('a transaction takes effect at its commit', async () => {
    const client = await stompJsClient(socket);
    const destination = `/queue/js.transaction.${transport}`;
    const aborted = client.begin();
    client.publish({
      destination,
      body: 'aborted',
      headers: stompHeaders({ transaction: aborted.id }),
    });
    aborted.abort();
    const committed = client.begin();
    client.publish({
      destination,
      body: 'committed',
      headers: stompHeaders({ transaction: committed.id }),
    });
    committed.commit();
    const [message] = await messagesOf(client, destination, 1);
    expect(message?.body).toBe('committed');
    await client.deactivate();
  });

  test('heart-beats keep an idle connection', async () => {
    const client = await stompJsClient(socket, 200);
    let isClosed = false;
    client.onWebSocketClose = () => {
      isClosed = true;
    };
    // Both sides count: a peer that hears nothing for twice the time hangs up.
    await new Promise((resolve) => setTimeout(resolve, 1500));
    expect(isClosed).toBe(false);
    await client.deactivate();
  });
});

describe('stompit:', () => {
  function connected(): Promise<stompit.Client> {
    return new Promise((resolve, reject) => {
      const options = {
        host: '127.0.0.1',
        port: broker.port,
        connectHeaders: { host: '/', 'heart-beat': '5000,5000' },
      };
      stompit.connect(options, (error, client) => {
        if (error === null) resolve(client);
        else reject(error);
      });
    });
  }

  function disconnected(client: stompit.Client): Promise<void> {
    return new Promise((resolve) => {
      client.disconnect(() => {
        resolve();
      });
    });
  }

  test('a message arrives and is acked', async () => {
    const destination = '/queue/stompit';
    const client = await connected();
    client.send({ destination, 'content-type': 'text/plain', key: 'a:b' }).end('hello');
    const received = await new Promise<[string, string | undefined]>((resolve, reject) => {
      client.subscribe({ destination, ack: 'client-individual' }, (error, message) => {
        if (error !== null) {
          reject(error);
          return;
        }
        message.readString('utf-8', (failure, body) => {
          if (failure !== null) reject(failure);
          client.ack(message);
          resolve([body, message.headers['key']]);
        });
      });
    });
    expect(received).toEqual(['hello', 'a:b']);
    await disconnected(client);
    expect(await leftIn(destination)).toEqual([]);
  });

  async function leftIn(destination: string): Promise<readonly string[]> {
    const client = await stompJsClient(() => new TCPWrapper('127.0.0.1', broker.port));
    const bodies: string[] = [];
    await new Promise<void>((resolve) => {
      client.subscribe(
        destination,
        ({ headers, body }) => {
          if (headers['browser'] === 'end') resolve();
          else bodies.push(body);
        },
        stompHeaders({ browser: 'true' }),
      );
    });
    await client.deactivate();
    return bodies;
  }
});

describe('stomp.py:', () => {
  let results: ScenarioResults;

  beforeAll(async () => {
    results = await pythonScenarios(SCRIPT, [String(broker.port)], PYTHON);
  }, 120_000);

  test.each(
    [
      'a message arrives as it was sent',
      'an ack is for all messages so far',
      'a transaction is seen if it is committed',
      'a rejected message is a dead letter',
      'a scheduled message comes when it is due',
      'a message group is in order at one consumer',
      'a durable subscription keeps what comes meanwhile',
    ].flatMap((name) => ['1.0', '1.1', '1.2'].map((version) => `${name} (${version})`)),
  )('%s', (scenario) => {
    expect(results.get(scenario)).toBe('ok');
  });
});
