import type { BrokerSecurity, Credentials, Principal } from '@batonmq/broker-core';
import { command, type Command, type ConnectionInfo } from '@batonmq/openwire';
import { afterEach, expect, test } from 'vitest';
import { startBroker, type LiveBroker } from './live-broker.ts';
import { TestSession } from './session.ts';

let live: LiveBroker;
afterEach(() => live.stop());

/** A broker that asks this promise who somebody is. */
function securedBy(authenticate: (credentials: Credentials) => Promise<Principal | undefined>) {
  const security: BrokerSecurity = { authenticator: { authenticate } };
  return startBroker({}, security);
}

function connectionInfo(id: string, userName = 'anna'): ConnectionInfo {
  return command('ConnectionInfo', {
    connectionId: { type: 'ConnectionId', value: id },
    clientId: id,
    userName,
    password: 'secret',
    responseRequired: true,
    commandId: 1,
  });
}

function queueConsumer(connectionId: string): Command {
  return command('ConsumerInfo', {
    consumerId: { type: 'ConsumerId', connectionId, sessionId: -1, value: 1 },
    destination: { type: 'ActiveMQQueue', physicalName: 'Q' },
    prefetchSize: 1,
    responseRequired: true,
    commandId: 2,
  });
}

test('what a client sends behind its login waits for it, and is carried out in order', async () => {
  let letIn: (principal: Principal) => void = () => undefined;
  const asked: Credentials[] = [];
  live = await securedBy((credentials) => {
    asked.push(credentials);
    return new Promise((resolve) => {
      letIn = resolve;
    });
  });
  const client = await live.connect();
  client.send(connectionInfo('ID:a:1'), queueConsumer('ID:a:1'));
  await expect.poll(() => asked.length).toBe(1);
  expect(client.inbox.map(({ type }) => type)).toEqual(['BrokerInfo']);
  letIn({ userName: 'anna', groups: [] });
  const first = await client.next('Response');
  const second = await client.next('Response');
  expect([first.correlationId, second.correlationId]).toEqual([1, 2]);
  expect(asked[0]).toMatchObject({ userName: 'anna', password: 'secret', protocol: 'openwire' });
});

test('a refused client is told why, nothing behind its login is carried out, and it is disconnected', async () => {
  live = await securedBy(() => Promise.resolve(undefined));
  const client = await live.connect();
  client.send(connectionInfo('ID:a:1'), queueConsumer('ID:a:1'));
  const { correlationId, exception } = await client.next('ExceptionResponse');
  expect(correlationId).toBe(1);
  expect(exception).toMatchObject({
    className: 'java.lang.SecurityException',
    message: 'User name [anna] or password is invalid. [BATON_UNAUTHORIZED]',
  });
  await client.untilClosed();
  expect(client.inbox.map(({ type }) => type)).toEqual(['BrokerInfo']);
  expect(live.broker.destinations()).toEqual([]);
});

test('a client that goes while its login is looked at leaves nothing behind', async () => {
  let letIn: (principal: Principal) => void = () => undefined;
  let isAsked = false;
  live = await securedBy(() => {
    isAsked = true;
    return new Promise((resolve) => {
      letIn = resolve;
    });
  });
  const added: string[] = [];
  const removed: string[] = [];
  live.broker.on('connection-added', ({ clientId }) => added.push(clientId));
  live.broker.on('connection-removed', ({ clientId }) => removed.push(clientId));
  const client = await live.connect();
  client.send(connectionInfo('ID:a:1'));
  await expect.poll(() => isAsked).toBe(true);
  client.destroy();
  letIn({ userName: 'anna', groups: [] });
  await expect.poll(() => live.protocol.connectionCount).toBe(0);
  expect(removed).toEqual(added);
});

test('a second connection of a socket logs in for itself', async () => {
  const asked: (string | undefined)[] = [];
  live = await securedBy(({ userName }) => {
    asked.push(userName);
    return Promise.resolve(userName === 'anna' ? { userName, groups: [] } : undefined);
  });
  const client = await live.connect();
  client.send(connectionInfo('ID:a:1'));
  await client.next('Response');
  client.send(connectionInfo('ID:a:2', 'bert'));
  await client.next('ExceptionResponse');
  expect(asked).toEqual(['anna', 'bert']);
  await client.untilClosed();
});

test.each([false, true])(
  'a frame above "loginFrameBytesMax" is taken after the login and not before (secured: %s)',
  async (isSecured) => {
    const principal = { userName: 'anna', groups: [] };
    const authenticator = { authenticate: () => Promise.resolve(principal) };
    const options = { anonymousAccessAllowed: true };
    live = await startBroker(
      { loginFrameBytesMax: 4096 },
      isSecured ? { authenticator, options } : undefined,
    );
    const large = 'x'.repeat(10_000);
    const early = await live.connect();
    early.send(connectionInfo('ID:early:1', large));
    await early.untilClosed();
    const client = await live.connect();
    const session = await TestSession.open(client, 'ID:late:1');
    const message = (await session.produce())('Q', 'hi');
    expect((await session.request({ ...message, userID: large })).type).toBe('Response');
  },
);

test('a client that does not log in in time is disconnected, also while its login is looked at', async () => {
  const authenticator = { authenticate: () => new Promise<undefined>(() => undefined) };
  live = await startBroker({ loginTimeoutMs: 100 }, { authenticator });
  const silent = await live.connect();
  const waiting = await live.connect();
  waiting.send(connectionInfo('ID:a:1'));
  await Promise.all([silent.untilClosed(), waiting.untilClosed()]);
});
