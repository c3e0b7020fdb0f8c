import { readFile, writeFile } from 'node:fs/promises';
import {
  CLIENT_SUBJECT,
  freePort,
  runBatonMq,
  startBatonMq,
  testCertificates,
  type BatonMq,
  type CertificateFiles,
  type TestCertificates,
} from '@batonmq/services';
import type { Client } from '@stomp/stompjs';
import { TCPWrapper } from '@stomp/tcp-wrapper';
import stompit from 'stompit';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { messagesOf, refusalOf, settled, stompHeaders, stompJsClient } from './stomp-js-client.ts';

/** Users with their groups; each password is the name. `orders` has a certificate in place of one. */
const USERS = [
  ['anna', '--group', 'shop'],
  ['bert', '--group', 'workers'],
  ['dora', '--group', 'visitors'],
  ['orders', '--group', 'workers', '--certificate', CLIENT_SUBJECT],
] as const;

const SECURITY = {
  anonymousAccessAllowed: true,
  anonymousUser: 'guest',
  anonymousGroups: ['guests'],
  authorization: [
    { queue: 'orders', read: ['workers'], write: ['shop'], admin: ['shop', 'workers'] },
    { queue: 'board', read: ['guests', 'shop'], write: ['guests', 'shop'], admin: ['shop'] },
    { topic: 'news', read: ['workers'], write: ['shop'], admin: ['shop', 'workers'] },
  ],
  tempDestinations: {
    read: ['shop', 'workers'],
    write: ['shop', 'workers'],
    admin: ['shop', 'workers'],
  },
};

let files: TestCertificates;
let broker: BatonMq;
let tlsPort: number;
let needingPort: number;

beforeAll(async () => {
  files = await testCertificates();
  [tlsPort, needingPort] = [await freePort(), await freePort()];
  const users = `${files.directory}/users`;
  for (const [name, ...flags] of USERS) {
    await using program = runBatonMq(['user', 'add', users, name, ...flags]);
    program.tell(name);
    await program.succeeded();
  }
  const config = `${files.directory}/batonmq.yaml`;
  const { certificate, key } = files.server;
  const settings = {
    tls: { certificate, key, ca: files.ca },
    security: { users, failedLoginsMax: 100, ...SECURITY },
  };
  await writeFile(config, JSON.stringify(settings));
  broker = await startBatonMq({
    name: 'secured',
    store: 'memory:',
    config,
    alsoListen: [
      `ssl://127.0.0.1:${tlsPort}?wantClientAuth=true`,
      `stomp+ssl://127.0.0.1:${needingPort}?needClientAuth=true`,
    ],
  });
  await broker.becomes('active');
}, 60_000);
afterAll(async () => {
  await broker[Symbol.asyncDispose]();
  await files[Symbol.asyncDispose]();
});

function loggedIn(headers: Readonly<Record<string, string>> = {}): Promise<Client> {
  return stompJsClient(() => new TCPWrapper('127.0.0.1', broker.port), 0, headers);
}

function as(user: string): Promise<Client> {
  return loggedIn({ login: user, passcode: user });
}

async function sends(client: Client, destination: string, body: string): Promise<void> {
  await settled(client, (receipt) => {
    client.publish({ destination, body, headers: stompHeaders({ receipt }) });
  });
}

describe('a login', () => {
  test('with the right password is accepted, and its messages arrive', async () => {
    const [anna, bert] = [await as('anna'), await as('bert')];
    await sends(anna, '/queue/orders', 'tea');
    expect((await messagesOf(bert, '/queue/orders', 1))[0]?.body).toBe('tea');
    await Promise.all([anna.deactivate(), bert.deactivate()]);
  });

  test.each<[what: string, headers: Readonly<Record<string, string>>]>([
    ['with a wrong password', { login: 'anna', passcode: 'wrong' }],
    ['of nobody we know', { login: 'nobody', passcode: 'wrong' }],
    ['without a password', { login: 'anna' }],
    ['of a user who has a certificate and no password', { login: 'orders', passcode: '' }],
    ['with a password alone', { passcode: 'anna' }],
  ])('%s is told what it said, and nothing else', async (_, headers) => {
    const said = headers['login'] ?? 'null';
    await expect(loggedIn(headers)).rejects.toThrow(
      `User name [${said}] or password is invalid. [BATON_UNAUTHORIZED]`,
    );
  });

  test('without a name is that of a guest', async () => {
    const guest = await loggedIn();
    const anna = await as('anna');
    await sends(anna, '/queue/board', 'welcome');
    expect((await messagesOf(guest, '/queue/board', 1))[0]?.body).toBe('welcome');
    const refusal = await refusalOf(guest, () => {
      guest.publish({ destination: '/queue/orders', body: 'x' });
    });
    expect(refusal).toContain('[BATON_UNAUTHORIZED]');
    await anna.deactivate();
  });
});

describe('what a user may not do is refused, and ends the connection:', () => {
  test.each<[what: string, user: string, act: (client: Client) => void]>([
    [
      'to consume without the right to read',
      'anna',
      (client) => client.subscribe('/queue/orders', () => undefined),
    ],
    [
      'to browse without the right to read',
      'anna',
      (client) =>
        client.subscribe('/queue/orders', () => undefined, stompHeaders({ browser: 'true' })),
    ],
    [
      'to subscribe durably without the right to read',
      'anna',
      (client) =>
        client.subscribe(
          '/topic/news',
          () => undefined,
          stompHeaders({ 'activemq.subscriptionName': 'mine' }),
        ),
    ],
    [
      'to send without the right to write',
      'bert',
      (client) => {
        client.publish({ destination: '/queue/orders', body: 'x' });
      },
    ],
    [
      'to send to one of several destinations without the right to write there',
      'anna',
      (client) => {
        client.publish({ destination: '/queue/orders,/queue/secret', body: 'x' });
      },
    ],
    [
      'to make a destination by sending to it',
      'anna',
      (client) => {
        client.publish({ destination: '/queue/new', body: 'x' });
      },
    ],
    [
      'to make a temporary queue',
      'dora',
      (client) => client.subscribe('/temp-queue/replies', () => undefined),
    ],
    [
      'to send in a transaction without the right to write',
      'bert',
      (client) => {
        const { id } = client.begin();
        client.publish({
          destination: '/queue/orders',
          body: 'x',
          headers: stompHeaders({ transaction: id }),
        });
        client.commit(id);
      },
    ],
  ])('%s', async (_, user, act) => {
    const client = await as(user);
    const closed = new Promise<void>((resolve) => {
      client.onWebSocketClose = () => {
        resolve();
      };
    });
    const refusal = await refusalOf(client, () => {
      act(client);
    });
    expect(refusal).toContain('[BATON_UNAUTHORIZED]');
    await closed;
  });

  test('nothing that was refused arrived', async () => {
    const bert = await as('bert');
    const bodies: string[] = [];
    await new Promise<void>((resolve) => {
      const browser = stompHeaders({ browser: 'true' });
      bert.subscribe(
        '/queue/orders',
        ({ headers, body }) => {
          if (headers['browser'] === 'end') resolve();
          else bodies.push(body);
        },
        browser,
      );
    });
    expect(bodies).toEqual([]);
    await bert.deactivate();
  });
});

test('a request is answered through the temporary queue of its sender', async () => {
  const [anna, bert] = [await as('anna'), await as('bert')];
  const answer = messagesOf(anna, '/temp-queue/replies', 1);
  bert.subscribe('/queue/orders', ({ headers, body }) => {
    bert.publish({ destination: headers['reply-to'] ?? '', body: `${body} yes` });
  });
  anna.publish({
    destination: '/queue/orders',
    body: 'tea?',
    headers: stompHeaders({ 'reply-to': '/temp-queue/replies' }),
  });
  expect((await answer)[0]?.body).toBe('tea? yes');
  await Promise.all([anna.deactivate(), bert.deactivate()]);
});

describe('under TLS', () => {
  async function connected(
    port: number,
    client?: CertificateFiles,
    login: Readonly<Record<string, string>> = {},
  ): Promise<stompit.Client> {
    const identity =
      client === undefined
        ? {}
        : { cert: await readFile(client.certificate), key: await readFile(client.key) };
    const ca = await readFile(files.ca);
    return new Promise((resolve, reject) => {
      const connectHeaders = { host: '/', ...login };
      const address = { host: '127.0.0.1', port, ssl: true, ca, connectHeaders };
      stompit.connect({ ...address, ...identity }, (error, made) => {
        if (error === null) resolve(made);
        else reject(error);
      });
    });
  }

  function received(client: stompit.Client, destination: string): Promise<string> {
    return new Promise((resolve, reject) => {
      client.subscribe({ destination, ack: 'auto' }, (error, message) => {
        if (error === null) {
          message.readString('utf-8', (failure, body) => {
            if (failure === null) resolve(body);
            else reject(failure);
          });
        } else reject(error);
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

  test('a password is enough', async () => {
    const anna = await connected(tlsPort, undefined, { login: 'anna', passcode: 'anna' });
    anna.send({ destination: '/queue/orders' }).end('by password');
    const worker = await connected(needingPort, files.client);
    expect(await received(worker, '/queue/orders')).toBe('by password');
    await Promise.all([disconnected(anna), disconnected(worker)]);
  });

  test('a certificate is a login', async () => {
    const worker = await connected(tlsPort, files.client);
    const anna = await as('anna');
    await sends(anna, '/queue/orders', 'by certificate');
    expect(await received(worker, '/queue/orders')).toBe('by certificate');
    await Promise.all([disconnected(worker), anna.deactivate()]);
  });

  test('nobody comes without a certificate where one is needed, or with one that nobody vouches for', async () => {
    await expect(connected(needingPort)).rejects.toThrow();
    await expect(connected(needingPort, files.stranger)).rejects.toThrow();
  });
});

describe('over WebSocket under TLS', () => {
  async function socket(subprotocols: string[], isKnown = false): Promise<WebSocket> {
    const identity = isKnown
      ? { cert: await readFile(files.client.certificate), key: await readFile(files.client.key) }
      : {};
    const ca = await readFile(files.ca);
    return new WebSocket(`wss://127.0.0.1:${tlsPort}`, subprotocols, { ca, ...identity });
  }

  test.each([
    [['v10.stomp'], 'v10.stomp'],
    [['v11.stomp'], 'v11.stomp'],
    [['v12.stomp'], 'v12.stomp'],
    [['v10.stomp', 'v11.stomp', 'v12.stomp'], 'v12.stomp'],
    [['v10.stomp', 'v11.stomp'], 'v11.stomp'],
    [['mqtt', 'v10.stomp'], 'v10.stomp'],
  ])('of %j, %s is spoken', async (offered, spoken) => {
    const webSocket = await socket(offered);
    const client = await stompJsClient(() => webSocket, 0, { login: 'anna', passcode: 'anna' });
    expect(webSocket.protocol).toBe(spoken);
    await sends(client, '/queue/board', 'hello');
    await messagesOf(client, '/queue/board', 1);
    await client.deactivate();
  });

  test('who offers none that is spoken is sent away', async () => {
    const webSocket = await socket(['mqtt']);
    const message = await new Promise((resolve) => {
      webSocket.on('error', (error) => {
        resolve(error.message);
      });
    });
    expect(message).toMatch(/400/);
  });

  test('a certificate is a login', async () => {
    const webSocket = await socket(['v12.stomp'], true);
    const worker = await stompJsClient(() => webSocket);
    const anna = await as('anna');
    await sends(anna, '/queue/orders', 'to a browser');
    expect((await messagesOf(worker, '/queue/orders', 1))[0]?.body).toBe('to a browser');
    await Promise.all([worker.deactivate(), anna.deactivate()]);
  });
});
