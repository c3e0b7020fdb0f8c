import { createBroker, type Broker } from '@batonmq/broker-core';
import { nodeRuntime } from '@batonmq/runtime/node';
import { memoryStore } from '@batonmq/store-memory';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { groupAccess } from './admin-access.ts';
import { serveAdmin, type AdminHttp } from './admin-http.ts';

const PASSWORDS: Readonly<Record<string, string>> = { admins: 'a:b', users: 'u' };

let broker: Broker;
let admin: AdminHttp;
beforeEach(async () => {
  broker = createBroker({
    name: 'a',
    store: memoryStore(),
    components: nodeRuntime(),
    security: {
      authenticator: {
        authenticate: ({ userName = '', password }) =>
          Promise.resolve(
            PASSWORDS[userName] === password ? { userName, groups: [userName] } : undefined,
          ),
      },
    },
  });
  const nothing = {
    role: () => 'active' as const,
    status: () => Promise.reject(new Error('not asked')),
    policy: () => ({}),
    commanded: () => undefined,
    redrive: () => Promise.resolve({ movedCount: 0, movedTo: [], notFoundIds: [] }),
    preparedTransactions: () => [],
    resolvePrepared: () => Promise.reject(new Error('not asked')),
  };
  admin = await serveAdmin('127.0.0.1:0', nothing, groupAccess(broker, ['admins']));
});
afterEach(async () => {
  await admin.close();
  await broker.stop();
});

async function get(path: string, login?: string): Promise<Response> {
  const headers: Record<string, string> =
    login === undefined ? {} : { authorization: `Basic ${Buffer.from(login).toString('base64')}` };
  return fetch(admin.uri + path, { headers });
}

test('health is told to everybody, the rest to users of the right group', async () => {
  const path = '/policy?destination=A';
  expect((await get('/health')).status).toBe(200);
  expect((await get(path, 'admins:a:b')).status).toBe(200);
  expect((await get(path, 'users:u')).status).toBe(403);
});

test('without a login, or with a wrong one, nothing is told but how to log in', async () => {
  for (const login of [undefined, 'admins:x', 'nobody:x', 'admins']) {
    for (const path of ['/status', '/policy?destination=A', '/nothing']) {
      const response = await get(path, login);
      expect([login, path, response.status]).toEqual([login, path, 401]);
      expect(response.headers.get('www-authenticate')).toContain('Basic');
    }
  }
});

test('a browser that asks without a login has not failed to log in', async () => {
  let refusedCount = 0;
  broker.on('login-refused', () => (refusedCount += 1));
  for (let index = 0; index < 20; index += 1) await get('/status');
  expect(refusedCount).toBe(0);
  expect((await get('/policy?destination=A', 'admins:a:b')).status).toBe(200);
});
