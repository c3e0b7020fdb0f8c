import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startBroker, type LiveBroker } from './live-broker.ts';
import type { RawClient } from './raw-client.ts';

let broker: LiveBroker;

beforeAll(async () => {
  const virtualDestinations = [
    { type: 'virtualTopic' },
    { type: 'compositeQueue', name: 'in', forwardTo: ['out', 'topic://out'] },
  ] as const;
  broker = await startBroker({}, { virtualDestinations });
});

afterAll(async () => {
  await broker.stop();
});

async function subscribed(client: RawClient, ...destinations: string[]): Promise<void> {
  for (const destination of destinations) {
    await client.sendSettled('SUBSCRIBE', { id: destination, destination });
  }
}

/** Where the next message is, and what it says. */
async function next(client: RawClient): Promise<[string | undefined, string]> {
  const { headers, body } = await client.next('MESSAGE');
  return [headers['destination'], body.toString()];
}

async function nextOf(client: RawClient, count: number): Promise<[string | undefined, string][]> {
  const all: [string | undefined, string][] = [];
  while (all.length < count) all.push(await next(client));
  return all.sort(([one = ''], [other = '']) => one.localeCompare(other));
}

describe('a list', () => {
  test.each([
    ['as STOMP writes it', 'L.A', '/queue/L.A,/topic/L.A'],
    ['as the broker writes it', 'L.B', 'queue://L.B, topic://L.B'],
    ['as both do', 'L.C', '/queue/L.C,topic://L.C'],
  ])('is sent to in all its parts, written %s', async (_how, name, destination) => {
    const client = await broker.connect();
    await subscribed(client, `/queue/${name}`, `/topic/${name}`);
    client.send('SEND', { destination }, 'x');
    expect(await nextOf(client, 2)).toEqual([
      [`/queue/${name}`, 'x'],
      [`/topic/${name}`, 'x'],
    ]);
  });

  test('names parts without a prefix by the kind of its first', async () => {
    const client = await broker.connect();
    await subscribed(client, '/topic/L.I', '/topic/L.D');
    client.send('SEND', { destination: '/topic/L.I,L.D' }, 'x');
    expect(await nextOf(client, 2)).toEqual([
      ['/topic/L.D', 'x'],
      ['/topic/L.I', 'x'],
    ]);
  });

  test('may be consumed from', async () => {
    const client = await broker.connect();
    await subscribed(client, '/queue/L.E,/queue/L.F');
    client.send('SEND', { destination: '/queue/L.F' }, 'x');
    expect(await next(client)).toEqual(['/queue/L.F', 'x']);
  });

  test('may hold temporary destinations of the client’s own', async () => {
    const client = await broker.connect();
    await subscribed(client, '/temp-queue/own', '/queue/L.G');
    for (const destination of ['/queue/L.G,/temp-queue/own', '/temp-queue/own,/queue/L.G']) {
      client.send('SEND', { destination }, 'x');
      expect(await nextOf(client, 2)).toEqual([
        ['/queue/L.G', 'x'],
        ['/temp-queue/own', 'x'],
      ]);
    }
  });

  test.each([
    ['/queue/L.H,/queues/A', 'SEND', 'BATON_INVALID_DESTINATION'],
    ['/queue/L.H,', 'SEND', 'BATON_INVALID_DESTINATION'],
    ['/queue/L.H,/topic/L.H', 'SUBSCRIBE', 'BATON_UNSUPPORTED'],
  ])('%s of a %s is refused', async (destination, command, code) => {
    const client = await broker.connect();
    client.send(command, { id: 's', destination });
    expect((await client.next('ERROR')).body.toString()).toContain(`[${code}]`);
  });
});

describe('a wildcard', () => {
  test('of queues and of topics gets what is under it, also what comes later', async () => {
    const client = await broker.connect();
    await subscribed(client, '/queue/W.*', '/topic/W.>');
    client.send('SEND', { destination: '/queue/W.A' }, 'queue');
    client.send('SEND', { destination: '/topic/W.A.B' }, 'topic');
    expect(await nextOf(client, 2)).toEqual([
      ['/queue/W.A', 'queue'],
      ['/topic/W.A.B', 'topic'],
    ]);
  });

  test('is not sent to', async () => {
    const client = await broker.connect();
    client.send('SEND', { destination: '/queue/W.*' }, 'x');
    expect((await client.next('ERROR')).body.toString()).toContain('[BATON_INVALID_DESTINATION]');
  });
});

describe('virtual destinations:', () => {
  test('what is sent to a virtual topic is in the queues of its applications', async () => {
    const client = await broker.connect();
    await subscribed(
      client,
      '/queue/Consumer.a.VirtualTopic.S',
      '/queue/Consumer.b.VirtualTopic.S',
    );
    client.send('SEND', { destination: '/topic/VirtualTopic.S' }, 'x');
    expect(await nextOf(client, 2)).toEqual([
      ['/queue/Consumer.a.VirtualTopic.S', 'x'],
      ['/queue/Consumer.b.VirtualTopic.S', 'x'],
    ]);
  });

  test('a composite queue passes on to queues and topics', async () => {
    const client = await broker.connect();
    await subscribed(client, '/queue/out', '/topic/out');
    client.send('SEND', { destination: '/queue/in' }, 'x');
    expect(await nextOf(client, 2)).toEqual([
      ['/queue/out', 'x'],
      ['/topic/out', 'x'],
    ]);
  });
});

describe('temporary destinations:', () => {
  test.each(['/temp-queue/', '/temp-topic/'])(
    'a request is answered through %s, known to its maker by its own name',
    async (prefix) => {
      const [asker, answerer] = [await broker.connect(), await broker.connect()];
      const own = `${prefix}replies`;
      await subscribed(asker, own);
      await subscribed(answerer, '/queue/requests');
      asker.send('SEND', { destination: '/queue/requests', 'reply-to': own }, 'ask');
      const { headers } = await answerer.next('MESSAGE');
      answerer.send('SEND', { destination: headers['reply-to'] ?? '' }, 'answer');
      expect(await next(asker)).toEqual([own, 'answer']);
      await asker.sendSettled('DISCONNECT');
      await answerer.sendSettled('DISCONNECT');
    },
  );

  test('two clients may use one name for two destinations', async () => {
    const [one, other] = [await broker.connect(), await broker.connect()];
    await subscribed(one, '/temp-queue/same');
    await subscribed(other, '/temp-queue/same');
    one.send('SEND', { destination: '/temp-queue/same' }, 'one');
    other.send('SEND', { destination: '/temp-queue/same' }, 'other');
    expect([await next(one), await next(other)]).toEqual([
      ['/temp-queue/same', 'one'],
      ['/temp-queue/same', 'other'],
    ]);
  });

  test('nobody but its maker consumes from one, and it is gone with its maker', async () => {
    const [maker, stranger, sender] = [
      await broker.connect(),
      await broker.connect(),
      await broker.connect(),
    ];
    await subscribed(sender, '/queue/temporary');
    maker.send('SEND', { destination: '/queue/temporary', 'reply-to': '/temp-queue/mine' }, 'x');
    const replyTo = (await sender.next('MESSAGE')).headers['reply-to'] ?? '';
    stranger.send('SUBSCRIBE', { id: 's', destination: replyTo });
    const refusal = await stranger.next('ERROR');
    expect(refusal.body.toString()).toContain('[BATON_INVALID_DESTINATION]');
    await sender.sendSettled('SEND', { destination: replyTo }, 'taken');
    await maker.sendSettled('DISCONNECT');
    await maker.ended();
    sender.send('SEND', { destination: replyTo, receipt: 'r' }, 'too late');
    expect((await sender.next('ERROR')).headers['receipt-id']).toBe('r');
  });
});
