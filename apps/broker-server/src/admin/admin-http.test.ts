import { request } from 'node:http';
import { afterEach, expect, test } from 'vitest';
import type { ServerStatus } from '../status.ts';
import { openAccess } from './admin-access.ts';
import { serveAdmin, type AdminCommand, type AdminHttp, type AdminSubject } from './admin-http.ts';

const STATUS: ServerStatus = {
  name: 'a',
  id: 'id',
  role: 'active',
  epoch: 3,
  uptimeSeconds: 1,
  processId: 2,
  residentBytes: 4,
  listening: ['tcp://127.0.0.1:61616'],
  store: { uri: 'memory:' },
  limits: [],
  destinations: [],
};

const POLICIES = new Map([['queue://A', { maxMessages: { value: 5, source: 'queue://>' } }]]);

const MOVED = {
  movedCount: 2,
  movedTo: [{ destination: 'queue://A', messageCount: 2 }],
  notFoundIds: ['ID:9'],
};

const redriven: unknown[] = [];
const resolved: unknown[] = [];
const commanded: AdminCommand[] = [];

function subject(status = STATUS): AdminSubject {
  return {
    role: () => status.role,
    status: () => Promise.resolve(status),
    redrive: ({ key }, options) => {
      redriven.push([key, options]);
      return Promise.resolve(MOVED);
    },
    preparedTransactions: () => [
      {
        key: 'XID:1',
        id: {
          kind: 'xa',
          formatId: 1,
          globalTransactionId: new Uint8Array(),
          branchQualifier: new Uint8Array(),
        },
        preparedAt: 0,
        sendCount: 2,
        ackCount: 3,
      },
    ],
    resolvePrepared: (key, verdict) => {
      resolved.push([key, verdict]);
      return Promise.resolve();
    },
    policy: ({ key }) => POLICIES.get(key) ?? {},
    commanded: (command) => commanded.push(command),
  };
}

let admin: AdminHttp | undefined;
afterEach(() => admin?.close());

async function get(path: string, status = STATUS, method = 'GET'): Promise<[number, unknown]> {
  admin = await serveAdmin('127.0.0.1:0', subject(status));
  const response = await fetch(admin.uri + path, { method });
  const body: unknown = await response.json();
  await admin.close();
  return [response.status, body];
}

test('a load balancer finds the active broker and passes the others by', async () => {
  expect(await get('/ready')).toEqual([200, { role: 'active' }]);
  expect(await get('/ready', { ...STATUS, role: 'standby' })).toEqual([503, { role: 'standby' }]);
});

test('a standby is healthy', async () => {
  expect(await get('/health', { ...STATUS, role: 'standby' })).toEqual([200, { status: 'up' }]);
});

test('the status is there as a whole', async () => {
  expect(await get('/status')).toEqual([200, STATUS]);
});

test('other paths and methods are refused in words', async () => {
  expect((await get('/'))[0]).toBe(404);
  expect((await get('/status', STATUS, 'POST'))[0]).toBe(405);
});

test('an address in use says what to do', async () => {
  admin = await serveAdmin('127.0.0.1:0', subject());
  const taken = new URL(admin.uri).host;
  const second = serveAdmin(taken, subject());
  await expect(second).rejects.toThrow(/in use.*--admin off/);
});

test('the policy of a destination is shown with its sources; without a destination it is asked for', async () => {
  expect(await get('/policy?destination=queue://A')).toEqual([
    200,
    { maxMessages: { value: 5, source: 'queue://>' } },
  ]);
  expect(await get('/policy')).toEqual([
    400,
    {
      error: '/policy needs a destination: /policy?destination=queue://A',
      code: 'BATON_INVALID_ARGUMENT',
    },
  ]);
});

test('a path that is none is refused, and harms nobody', async () => {
  admin = await serveAdmin('127.0.0.1:0', subject());
  const { hostname, port } = new URL(admin.uri);
  const answered = await new Promise<number | undefined>((resolve) => {
    request({ hostname, port, path: '//' }, (response) => {
      response.resume();
      resolve(response.statusCode);
    }).end();
  });
  expect(answered).toBe(400);
  expect((await fetch(`${admin.uri}/health`)).status).toBe(200);
});

test('a redrive is asked for by POST with a header that a page in a browser cannot send', async () => {
  admin = await serveAdmin('127.0.0.1:0', subject());
  const uri = `${admin.uri}/redrive?destination=queue://ActiveMQ.DLQ&limit=2&id=ID:8&id=ID:9`;
  expect((await fetch(uri)).status).toBe(405);
  expect((await fetch(uri, { method: 'POST' })).status).toBe(405);
  expect(redriven).toEqual([]);
  const response = await fetch(uri, {
    method: 'POST',
    headers: { 'batonmq-command': 'redrive' },
  });
  expect([response.status, await response.json()]).toEqual([200, MOVED]);
  expect(redriven).toEqual([
    ['queue://ActiveMQ.DLQ', { limit: 2, selector: undefined, ids: ['ID:8', 'ID:9'] }],
  ]);
});

test('prepared transactions are listed', async () => {
  const preparedAt = '1970-01-01T00:00:00.000Z';
  const transactions = [{ transaction: 'XID:1', preparedAt, sendCount: 2, ackCount: 3 }];
  expect(await get('/transactions')).toEqual([200, { transactions }]);
});

test('a prepared transaction is decided by POST with a header that a page in a browser cannot send', async () => {
  admin = await serveAdmin('127.0.0.1:0', subject());
  const uri = `${admin.uri}/resolve?transaction=XID:1&verdict=commit`;
  expect((await fetch(uri, { method: 'POST' })).status).toBe(405);
  const post = { method: 'POST', headers: { 'batonmq-command': 'resolve' } };
  expect((await fetch(`${admin.uri}/resolve?transaction=XID:1`, post)).status).toBe(400);
  expect(resolved).toEqual([]);
  expect((await fetch(uri, post)).status).toBe(200);
  expect(resolved).toEqual([['XID:1', 'commit']]);
});

test('who changes something is told to the audit log', async () => {
  admin = await serveAdmin('127.0.0.1:0', subject());
  commanded.length = 0;
  await fetch(`${admin.uri}/redrive?destination=A`, {
    method: 'POST',
    headers: { 'batonmq-command': 'redrive' },
  });
  await fetch(`${admin.uri}/policy?destination=A`);
  expect(commanded).toEqual([
    {
      userName: undefined,
      remoteAddress: expect.stringMatching(/^http:\/\/127\.0\.0\.1:\d+$/) as unknown,
      command: 'POST /redrive?destination=A',
    },
  ]);
});

test.each([
  ['http://127.0.0.1:5', true, true],
  ['http://[::1]:5', true, true],
  ['http://[::ffff:127.0.0.1]:5', true, true],
  ['http://10.0.0.5:5', true, false],
  ['http://10.0.0.5:5', false, true],
])('without users, %s may change something (%s): %s', async (address, isCommand, isAllowed) => {
  const check = openAccess.check(undefined, address, isCommand);
  if (isAllowed) await check;
  else await expect(check).rejects.toMatchObject({ details: { status: 403 } });
});
