import { BrokerError, parseDestination, type Message } from '@batonmq/model';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import {
  authorizationEntries,
  type AuthorizationEntry,
  type AuthorizationOptions,
  type Broker,
  type BrokerEvent,
  type Credentials,
  type Principal,
  type SecurityOptions,
} from '../src/index.ts';
import { receipt, TestClient, TestWorld, type TestConsumer } from './test-client.ts';

const PASSWORDS: Readonly<Record<string, string>> = { admin: 'a', worker: 'w', shop: 's' };

let world: TestWorld;
let asked: Credentials[];
beforeEach(() => {
  world = new TestWorld();
  asked = [];
});
afterEach(() => world.end());

/** A broker whose users are each in the group of their own name, and all in `users`. */
function secured(options: SecurityOptions = {}, rights?: AuthorizationOptions): Promise<Broker> {
  return world.broker(
    {},
    {
      security: {
        options,
        ...(rights && { authorizer: authorizationEntries(rights) }),
        authenticator: {
          authenticate: (credentials) => {
            asked.push(credentials);
            const { userName = '', password } = credentials;
            const isKnown = PASSWORDS[userName] !== undefined && PASSWORDS[userName] === password;
            return Promise.resolve(isKnown ? { userName, groups: [userName, 'users'] } : undefined);
          },
        },
      },
    },
  );
}

function logIn(broker: Broker, userName?: string, password?: string, port = 1): Promise<Principal> {
  const remoteAddress = `tcp://10.0.0.1:${port}`;
  return broker.authenticate({ userName, password, remoteAddress, protocol: 'test' });
}

async function client(broker: Broker, userName: string): Promise<TestClient> {
  const principal = await logIn(broker, userName, PASSWORDS[userName]);
  return new TestClient(world, broker, userName, false, principal);
}

async function textsOf(consumer: TestConsumer): Promise<readonly string[]> {
  await world.elapse();
  return consumer.texts;
}

function denied(text: string): unknown {
  return expect.objectContaining({ code: 'BATON_UNAUTHORIZED', message: text });
}

describe('logging in:', () => {
  test('an unknown user and a wrong password get the same answer', async () => {
    const broker = await secured();
    const text = (name: string): string => `User name [${name}] or password is invalid.`;
    await expect(logIn(broker, 'shop', 'x')).rejects.toEqual(denied(text('shop')));
    await expect(logIn(broker, 'nobody', 'x')).rejects.toEqual(denied(text('nobody')));
    expect(await logIn(broker, 'shop', 's')).toEqual({
      userName: 'shop',
      groups: ['shop', 'users'],
    });
  });

  test('nobody connects to a secured broker without having logged in', async () => {
    const broker = await secured();
    expect(() => new TestClient(world, broker)).toThrow('User is not authenticated.');
  });

  test('guests are let in only where that is allowed, and are who they are told to be', async () => {
    await expect(logIn(await secured())).rejects.toEqual(
      denied('User name [null] or password is invalid.'),
    );
    const guest = { anonymousAccessAllowed: true, anonymousUser: 'guest', anonymousGroups: ['g'] };
    const open = await secured(guest);
    await world.elapse();
    expect(await logIn(open)).toEqual({ userName: 'guest', groups: ['g'] });
    await expect(logIn(open, 'guest')).rejects.toThrow('is invalid');
  });

  test('who fails too often is refused unseen until its wait is over, from its own address only', async () => {
    const broker = await secured({ failedLoginsMax: 2, failedLoginBackOffMs: 1000 });
    for (const password of ['1', '2']) {
      await expect(logIn(broker, 'shop', password)).rejects.toThrow('is invalid');
    }
    await expect(logIn(broker, 'shop', 's', 2)).rejects.toThrow('is invalid');
    expect(asked).toHaveLength(2);
    expect((await logIn(broker, 'worker', 'w')).userName).toBe('worker');
    await world.elapse(1001);
    expect((await logIn(broker, 'shop', 's')).userName).toBe('shop');
  });

  test('each failure doubles the wait, up to its maximum', async () => {
    const broker = await secured({
      failedLoginsMax: 1,
      failedLoginBackOffMs: 100,
      failedLoginBackOffMaxMs: 400,
    });
    for (const wait of [100, 200, 400, 400]) {
      await expect(logIn(broker, 'shop', 'x')).rejects.toThrow('is invalid');
      const count = asked.length;
      await world.elapse(wait - 1);
      await expect(logIn(broker, 'shop', 's')).rejects.toThrow('is invalid');
      expect(asked).toHaveLength(count);
      await world.elapse(2);
    }
  });

  test('an address that fails for many users is stopped too', async () => {
    const broker = await secured({ failedLoginsMax: 1 });
    for (let index = 0; index < 10; index += 1) {
      await expect(logIn(broker, `user ${index}`, 'x')).rejects.toThrow('is invalid');
    }
    await expect(logIn(broker, 'shop', 's')).rejects.toThrow('is invalid');
    expect(asked).toHaveLength(10);
  });

  test('an authenticator that does not answer is not waited for beyond the deadline', async () => {
    let signal: AbortSignal | undefined;
    const broker = await world.broker(
      {},
      {
        security: {
          options: { authenticationTimeoutMs: 500, authenticationsMax: 1 },
          authenticator: {
            authenticate: (_, options) => {
              signal = options.signal;
              return new Promise(() => undefined);
            },
          },
        },
      },
    );
    const login = logIn(broker, 'shop', 's');
    await expect(logIn(broker, 'shop', 's')).rejects.toMatchObject({ code: 'BATON_LIMIT' });
    await expect(world.run(login)).rejects.toMatchObject({ code: 'BATON_TIMEOUT' });
    expect(signal?.aborted).toBe(true);
  });

  test('a failing authenticator lets nobody in, and its reason stays with the broker', async () => {
    const broker = await world.broker(
      {},
      { security: { authenticator: { authenticate: () => Promise.reject(new Error('secret')) } } },
    );
    await expect(logIn(broker, 'shop', 's')).rejects.toEqual(
      denied('User name [shop] or password is invalid.'),
    );
  });

  test('a user has no more connections than "connectionsPerUserMax"', async () => {
    const broker = await secured({ connectionsPerUserMax: 1 });
    const first = await client(broker, 'shop');
    const principal = await logIn(broker, 'shop', 's');
    const connect = (): TestClient => new TestClient(world, broker, 'other', false, principal);
    expect(connect).toThrow(expect.objectContaining({ code: 'BATON_LIMIT' }));
    await client(broker, 'worker');
    first.connection.close(0);
    expect(connect()).toBeInstanceOf(TestClient);
  });

  test('a connection id is taken over by its own user only', async () => {
    const broker = await secured();
    const shop = await client(broker, 'shop');
    const worker = await logIn(broker, 'worker', 'w');
    expect(() => new TestClient(world, broker, 'shop', false, worker)).toThrow(
      expect.objectContaining({ code: 'BATON_INVALID_CLIENT_ID' }),
    );
    await world.elapse();
    expect(shop.disconnectReason).toBeUndefined();
    const again = await logIn(broker, 'shop', 's');
    expect(new TestClient(world, broker, 'shop', true, again)).toBeInstanceOf(TestClient);
  });

  test('watchers learn who came and who did not, with nothing in names that could forge a line', async () => {
    const broker = await secured();
    const events: BrokerEvent[] = [];
    broker.on('login-accepted', (event) => events.push(event));
    broker.on('login-refused', (event) => events.push(event));
    await logIn(broker, 'shop', 's');
    await logIn(broker, `evil\n${'x'.repeat(1000)}`, 'x').catch(() => undefined);
    expect(events).toEqual([
      {
        type: 'login-accepted',
        userName: 'shop',
        remoteAddress: 'tcp://10.0.0.1:1',
        protocol: 'test',
      },
      expect.objectContaining({
        type: 'login-refused',
        userName: `evil\\u{a}${'x'.repeat(123)}…`,
        reason: expect.any(BrokerError) as unknown,
      }),
    ]);
    expect(JSON.stringify(events)).not.toContain('"s"');
  });
});

const RIGHTS: readonly AuthorizationEntry[] = [
  { queue: '>', read: ['admin'], write: ['admin'], admin: ['admin'] },
  { queue: 'orders.>', read: ['worker'], write: ['shop'] },
  { topic: 'news.>', read: ['*'], write: ['shop'], admin: ['users'] },
];

describe('rights:', () => {
  let broker: Broker;
  let admin: TestClient;
  let shop: TestClient;
  let worker: TestClient;
  beforeEach(async () => {
    broker = await secured({}, { entries: RIGHTS });
    admin = await client(broker, 'admin');
    shop = await client(broker, 'shop');
    worker = await client(broker, 'worker');
    await admin.send('queue://orders.new', 'first');
  });

  test('the groups of all entries that cover a destination are united', async () => {
    await shop.send('queue://orders.new', 'second');
    expect(await textsOf(worker.consume('orders.new'))).toEqual(['first', 'second']);
  });

  test('a send without write access is refused, with a receipt or without', async () => {
    const error = denied('User worker is not authorized to write to: queue://orders.new');
    await expect(worker.send('queue://orders.new', 'x')).rejects.toEqual(error);
    worker.connection.send(worker.message('queue://orders.new', 'x'));
    await world.elapse();
    expect(worker.failures).toEqual([error]);
    expect(await textsOf(admin.consume('orders.new'))).toEqual(['first']);
  });

  test('having sent to one destination gives no right to another', async () => {
    await shop.send('queue://orders.new', 'second');
    await admin.send('queue://other', 'x');
    await expect(shop.send('queue://other', 'x')).rejects.toMatchObject({
      code: 'BATON_UNAUTHORIZED',
    });
    await shop.send('queue://orders.new', 'third');
  });

  test('a producer is not opened where its user may not send', () => {
    expect(() => {
      worker.connection.addProducer({
        producerId: { ...worker.producer, key: 'another' },
        destination: parseDestination('queue://orders.new'),
      });
    }).toThrow('User worker is not authorized to write to: queue://orders.new');
  });

  test('every part of a composite must be allowed, and none gets anything otherwise', async () => {
    await expect(shop.send('queue://orders.new,other', 'x')).rejects.toThrow('queue://other');
    expect(() => worker.consume('orders.new,other')).toThrow('to read from: queue://other');
    expect(await textsOf(admin.consume('orders.new'))).toEqual(['first']);
  });

  test('nobody consumes or browses without read access', () => {
    const text = 'User shop is not authorized to read from: queue://orders.new';
    expect(() => shop.consume('orders.new')).toThrow(text);
    expect(() => shop.consume('orders.new', { isBrowser: true })).toThrow(text);
  });

  test('where no entry covers a destination nobody may do anything', async () => {
    await expect(admin.send('topic://other', 'x')).rejects.toThrow('write to: topic://other');
    expect(() => admin.consume('topic://other')).toThrow('read from: topic://other');
  });

  test('using a destination that does not exist needs admin access, using one that does not', async () => {
    await expect(shop.send('queue://orders.old', 'x')).rejects.toThrow(
      'User shop is not authorized to create: queue://orders.old',
    );
    expect(() => worker.consume('orders.old')).toThrow('not authorized to create');
    await admin.send('queue://orders.old', 'x');
    await shop.send('queue://orders.old', 'x');
  });

  test('creating and removing need admin access', async () => {
    const target = parseDestination('queue://orders.x');
    const refused = receipt();
    shop.connection.addDestination(target, refused);
    await expect(world.run(refused.done)).rejects.toThrow('to create: queue://orders.x');
    const added = receipt();
    admin.connection.addDestination(target, added);
    await world.run(added.done);
    const kept = receipt();
    shop.connection.removeDestination(target, { isForced: true }, kept);
    await expect(world.run(kept.done)).rejects.toThrow('to remove: queue://orders.x');
    const removed = receipt();
    admin.connection.removeDestination(target, { isForced: true }, removed);
    await world.run(removed.done);
  });

  test('a destination that was removed is not created anew by who may only send', async () => {
    await shop.send('queue://orders.new', 'second');
    const removed = receipt();
    const target = parseDestination('queue://orders.new');
    admin.connection.removeDestination(target, { isForced: true }, removed);
    await world.run(removed.done);
    await expect(shop.send('queue://orders.new', 'x')).rejects.toThrow('to create');
  });

  test('a wildcard consumer gets what its user may read, and not the rest', async () => {
    await admin.send('queue://secret', 'x');
    const all = worker.consume('>');
    await admin.send('queue://orders.later', 'later');
    await admin.send('queue://later', 'x');
    expect(all.texts).toEqual(['first', 'later']);
    const browser = worker.consume('>', { isBrowser: true });
    await world.elapse();
    expect(browser.texts).toEqual(['first', 'later']);
  });

  test('a wildcard that covers nothing one may read is refused', () => {
    expect(() => shop.consume('orders.>')).toThrow('to read from: queue://orders.>');
    expect(() => worker.consume('secret.*')).toThrow('to read from: queue://secret.*');
  });

  test('a refused send dooms its transaction unless its sender is told', async () => {
    const id = shop.begin(1);
    shop.connection.send(shop.message('queue://other', 'x', { transactionId: id }));
    await shop.send('queue://orders.new', 'kept', { transactionId: id }).catch(() => undefined);
    await expect(shop.commit(id)).rejects.toMatchObject({ code: 'BATON_TRANSACTION_ROLLED_BACK' });
    expect(await textsOf(worker.consume('orders.new'))).toEqual(['first']);
  });

  test('everybody reads advisories by default, but none with messages in them, and nobody sends any', async () => {
    worker.consume('topic://ActiveMQ.Advisory.TempQueue,ActiveMQ.Advisory.TempTopic');
    const all = worker.consume('topic://ActiveMQ.Advisory.>');
    const advisory = (name: string): Message =>
      admin.message(`topic://ActiveMQ.Advisory.${name}`, name);
    broker.publish(advisory('Queue'));
    for (const family of ['NoConsumer', 'Expired', 'MessageDLQd', 'MessageConsumed']) {
      broker.publish(advisory(`${family}.Queue.secret`));
      expect(() => worker.consume(`topic://ActiveMQ.Advisory.${family}.Queue.secret`)).toThrow();
    }
    expect(all.texts).toEqual(['Queue']);
    broker.publish(advisory('Expired.Queue.secret'), all.subscription);
    broker.publish(advisory('Queue'), all.subscription);
    expect(all.texts).toEqual(['Queue', 'Queue']);
    await expect(admin.send('topic://ActiveMQ.Advisory.Queue', 'x')).rejects.toThrow('write to');
  });

  test('managing the scheduler needs admin access to its topic, and write access to where it answers', async () => {
    await expect(shop.send('topic://activemq.scheduler.management', 'x')).rejects.toThrow(
      'write to: topic://activemq.scheduler.management',
    );
    const rights = { entries: [{ topic: 'ActiveMQ.Scheduler.Management', admin: ['shop'] }] };
    const other = await secured({}, rights);
    await world.run(broker.stop());
    await world.elapse(100);
    const manager = await client(other, 'shop');
    await manager.send('topic://ActiveMQ.Scheduler.Management', 'x');
    const sent = receipt();
    manager.connection.send(
      {
        ...manager.message('topic://ActiveMQ.Scheduler.Management', 'x'),
        replyTo: parseDestination('queue://secret'),
      },
      sent,
    );
    await expect(world.run(sent.done)).rejects.toThrow('write to: queue://secret');
  });

  test('a refusal is told to watchers once for each thing refused', async () => {
    const events: BrokerEvent[] = [];
    broker.on('access-denied', (event) => events.push(event));
    for (let index = 0; index < 3; index += 1) {
      await shop.send('queue://other', 'x').catch(() => undefined);
    }
    expect(events).toEqual([
      expect.objectContaining({
        userName: 'shop',
        action: 'write',
        destination: parseDestination('queue://other'),
      }),
    ]);
  });
});

describe('durable subscriptions:', () => {
  const rights: AuthorizationOptions = {
    entries: [
      { topic: '>', write: ['admin'], admin: ['admin'] },
      { topic: 'a.>', read: ['shop'] },
      { topic: 'b.>', read: ['worker'] },
      { topic: 'both.>', read: ['shop', 'worker'] },
    ],
  };
  const ALL = { subscriptionName: 's', selector: undefined };

  async function unsubscribe(by: TestClient): Promise<void> {
    const removed = receipt();
    by.connection.unsubscribe('s', removed);
    await world.run(removed.done);
  }

  /** A client with the client id `c`, whoever it is. */
  async function as(broker: Broker, userName: string): Promise<TestClient> {
    const principal = await logIn(broker, userName, PASSWORDS[userName]);
    return new TestClient(world, broker, 'c', false, principal);
  }

  test('a wildcard collects what its user may read, also while it is away and after a takeover', async () => {
    const broker = await secured({}, rights);
    const admin = await client(broker, 'admin');
    await admin.send('topic://a.1', 'before');
    const shop = await as(broker, 'shop');
    shop.consume('topic://>', ALL);
    shop.connection.close(0);
    for (const topic of ['a.1', 'b.1', 'a.2']) await admin.send(`topic://${topic}`, topic);
    await world.run(broker.stop());
    const next = await secured({}, rights);
    const sender = await client(next, 'admin');
    for (const topic of ['a.3', 'b.2']) await sender.send(`topic://${topic}`, topic);
    const again = (await as(next, 'shop')).consume('topic://>', ALL);
    expect(await textsOf(again)).toEqual(['a.1', 'a.2', 'a.3']);
  });

  test('a wildcard is neither consumed nor removed by another user, a topic by whoever may read it', async () => {
    const broker = await secured({}, rights);
    const admin = await client(broker, 'admin');
    await admin.send('topic://both.1', 'before');
    for (const [topic, text] of [
      ['topic://both.>', 'is not authorized to use durable subscription s of another user'],
      ['topic://both.1', undefined],
    ] as const) {
      const shop = await as(broker, 'shop');
      const consumer = shop.consume(topic, ALL);
      await world.elapse();
      consumer.subscription.close(0);
      shop.connection.close(0);
      const worker = await as(broker, 'worker');
      if (text !== undefined) {
        expect(() => worker.consume(topic, ALL)).toThrow(text);
        await expect(unsubscribe(worker)).rejects.toThrow(text);
      } else {
        await unsubscribe(worker);
      }
      worker.connection.close(0);
    }
  });

  test('removing one takes the right to read its topic', async () => {
    const broker = await secured({}, rights);
    await (await client(broker, 'admin')).send('topic://a.1', 'before');
    const shop = await as(broker, 'shop');
    shop.consume('topic://a.1', ALL);
    await world.elapse();
    shop.connection.close(0);
    await expect(unsubscribe(await as(broker, 'worker'))).rejects.toThrow(
      'User worker is not authorized to read from: topic://a.1',
    );
  });
});

describe('temporary destinations:', () => {
  const target = parseDestination('temp-queue://ID:shop:1');

  async function create(by: TestClient): Promise<void> {
    const added = receipt();
    by.connection.addDestination(target, added);
    await world.run(added.done);
  }

  test('everybody may use them where nothing is said, and nobody removes those of others', async () => {
    const broker = await secured({}, { entries: [] });
    const shop = await client(broker, 'shop');
    const worker = await client(broker, 'worker');
    await create(shop);
    const consumer = shop.consume(target.key);
    await worker.send(target.key, 'reply');
    expect(consumer.texts).toEqual(['reply']);
    const removed = receipt();
    worker.connection.removeDestination(target, { isForced: true }, removed);
    await expect(world.run(removed.done)).rejects.toMatchObject({ code: 'BATON_UNAUTHORIZED' });
  });

  test('their entry says who may', async () => {
    const tempDestinations = { admin: ['shop'], read: ['shop'], write: ['worker'] };
    const broker = await secured({}, { entries: [], tempDestinations });
    const shop = await client(broker, 'shop');
    const worker = await client(broker, 'worker');
    await expect(create(worker)).rejects.toThrow('User worker is not authorized to create');
    await create(shop);
    shop.consume(target.key);
    await worker.send(target.key, 'reply');
    await expect(shop.send(target.key, 'x')).rejects.toThrow('write to');
  });
});

test('every mistake in entries and options is named', () => {
  const entries = [
    { queue: 'A', topic: 'B' },
    { queue: 'A', reed: ['x'] },
    { topic: 'T', read: 'users' },
  ] as unknown as AuthorizationEntry[];
  expect(() => authorizationEntries({ entries })).toThrow(
    '.entries[0] must name either a queue or a topic it is for; ' +
      '.entries[1].reed is unknown; these are known: queue, topic, read, write, admin; ' +
      '.entries[2].read must be a list of groups, not "users"',
  );
});

test('with "populateJMSXUserID" a message names who sent it, whatever its client wrote', async () => {
  const broker = await world.broker({ populateJMSXUserID: true });
  const sender = new TestClient(world, broker);
  const consumer = sender.consume('Q');
  const sent = receipt();
  sender.connection.send({ ...sender.message('queue://Q', 'x'), userId: 'forged' }, sent);
  await world.run(sent.done);
  expect(consumer.deliveries[0]?.message.userId).toBeUndefined();
});
