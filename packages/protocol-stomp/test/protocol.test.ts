import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startBroker, type LiveBroker } from './live-broker.ts';
import type { RawClient } from './raw-client.ts';

let broker: LiveBroker;
let queueNumber = 0;

beforeAll(async () => {
  broker = await startBroker();
});

afterAll(async () => {
  await broker.stop();
});

/** A queue that no other test uses. */
function freshQueue(): string {
  queueNumber += 1;
  return `/queue/protocol.${queueNumber}`;
}

async function bodyOf(client: RawClient): Promise<string> {
  return (await client.next('MESSAGE')).body.toString();
}

/** What is in a queue now, consumed. */
async function drain(queue: string): Promise<string[]> {
  const client = await broker.connect('1.1');
  client.send('SUBSCRIBE', { id: 'b', destination: queue, browser: 'true' });
  const bodies: string[] = [];
  for (;;) {
    const frame = await client.next('MESSAGE');
    if (frame.headers['browser'] === 'end') break;
    bodies.push(frame.body.toString());
  }
  client.destroy();
  return bodies;
}

describe('login:', () => {
  test.each([
    ['1.0,1.1,1.2', '1.2'],
    ['1.0,1.1', '1.1'],
    ['1.0', '1.0'],
    ['1.9,1.1', '1.1'],
  ])('of %s, %s is spoken', async (accepted, version) => {
    const client = await broker.open();
    client.send('CONNECT', { 'accept-version': accepted, host: 'h' });
    expect((await client.next()).headers).toMatchObject({ version, server: 'BatonMQ' });
  });

  test('a client that names no version speaks 1.0', async () => {
    const client = await broker.open();
    client.send('CONNECT');
    expect((await client.next('CONNECTED')).headers['version']).toBe('1.0');
  });

  test('STOMP is another name of CONNECT', async () => {
    const client = await broker.open();
    client.send('STOMP', { 'accept-version': '1.2', host: 'h' });
    expect((await client.next('CONNECTED')).headers['version']).toBe('1.2');
  });

  test('a client of no known version is told which there are', async () => {
    const client = await broker.open();
    client.send('CONNECT', { 'accept-version': '3.0', host: 'h' });
    const { command, headers } = await client.next();
    expect([command, headers['version']]).toEqual(['ERROR', '1.0,1.1,1.2']);
    await client.ended();
  });

  test('a client id in use is refused', async () => {
    await broker.connect('1.2', { 'client-id': 'twin' });
    const second = await broker.open();
    second.send('CONNECT', { 'accept-version': '1.2', host: 'h', 'client-id': 'twin' });
    expect((await second.next('ERROR')).body.toString()).toContain('[BATON_INVALID_CLIENT_ID]');
    await second.ended();
  });

  test('frames right behind CONNECT are carried out after it', async () => {
    const client = await broker.open();
    const queue = freshQueue();
    client.write(
      'CONNECT\naccept-version:1.2\nhost:h\n\n\0' +
        `SEND\ndestination:${queue}\nreceipt:r\n\nbody\0`,
    );
    expect((await client.next()).command).toBe('CONNECTED');
    expect((await client.next()).headers).toEqual({ 'receipt-id': 'r' });
    expect(await drain(queue)).toEqual(['body']);
  });

  test('anything before CONNECT is refused', async () => {
    const client = await broker.open();
    client.send('SEND', { destination: '/queue/A', receipt: '7' }, 'x');
    expect((await client.next('ERROR')).headers['receipt-id']).toBe('7');
    await client.ended();
  });
});

describe('messages:', () => {
  test.each(['1.0', '1.1', '1.2'] as const)(
    'a body arrives as it was sent (%s)',
    async (version) => {
      const queue = freshQueue();
      const client = await broker.connect(version);
      client.send('SUBSCRIBE', { id: 's', destination: queue });
      client.send('SEND', { destination: queue, color: 'red' }, 'h\u00e9llo \u{1F600}');
      const { headers, body } = await client.next('MESSAGE');
      expect(body.toString()).toBe('h\u00e9llo \u{1F600}');
      expect(headers).toMatchObject({ subscription: 's', destination: queue, color: 'red' });
      expect(headers).not.toHaveProperty('content-length');
    },
  );

  test('a body with NULs and its length arrives as bytes', async () => {
    const queue = freshQueue();
    const client = await broker.connect();
    const body = Buffer.from([1, 0, 2, 0, 0, 10, 255]);
    client.send('SUBSCRIBE', { id: 's', destination: queue });
    client.send('SEND', { destination: queue, 'content-length': '7' }, body);
    const message = await client.next('MESSAGE');
    expect(message.body).toEqual(body);
    expect(message.headers['content-length']).toBe('7');
  });

  test.each([4, 100, 5000, 70_000, 1_000_000])('a body of %i bytes arrives whole', async (size) => {
    const queue = freshQueue();
    const client = await broker.connect();
    const body = Buffer.from(Array.from({ length: size }, (_, index) => 32 + (index % 90)));
    client.send('SUBSCRIBE', { id: 's', destination: queue });
    client.send('SEND', { destination: queue }, body);
    client.send('SEND', { destination: queue, 'content-length': String(size) }, body);
    expect((await client.next('MESSAGE')).body.equals(body)).toBe(true);
    expect((await client.next('MESSAGE')).body.equals(body)).toBe(true);
  });

  test('every header of a message comes back', async () => {
    const queue = freshQueue();
    const client = await broker.connect();
    const expires = String(Date.now() + 1_000_000);
    client.send('SUBSCRIBE', { id: 's', destination: queue });
    client.send('SEND', {
      destination: queue,
      persistent: 'true',
      priority: '7',
      expires,
      'correlation-id': 'c\\c1',
      'reply-to': '/queue/back',
      type: 'kind',
      JMSXGroupID: 'g',
      JMSXGroupSeq: '3',
      'my\\cname': 'a\\nb\\\\c\\r',
      'message-id': 'forged',
      'content-type': 'text/plain',
    });
    const { headers } = await client.next('MESSAGE');
    expect(headers).toMatchObject({
      persistent: 'true',
      priority: '7',
      expires,
      'correlation-id': 'c\\c1',
      'reply-to': '/queue/back',
      type: 'kind',
      JMSXGroupID: 'g',
      JMSXGroupSeq: '3',
      'my\\cname': 'a\\nb\\\\c\\r',
      'content-type': 'text/plain',
    });
    expect(headers['message-id']).toMatch(/^ID\\cbrkA-.*\\c1\\c-1\\c1\\c1$/);
  });

  test('a header that is repeated counts once, the first time', async () => {
    const queue = freshQueue();
    const client = await broker.connect();
    client.send('SUBSCRIBE', { id: 's', destination: queue });
    client.write(`SEND\ndestination:${queue}\ndestination:/queue/other\nfoo:1\nfoo:2\n\nx\0`);
    expect((await client.next('MESSAGE')).headers['foo']).toBe('1');
  });

  test('a temporary queue is known to its maker by the name it chose, and to others by the broker’s', async () => {
    const queue = freshQueue();
    const asker = await broker.connect();
    const answerer = await broker.connect();
    asker.send('SUBSCRIBE', { id: 'r', destination: '/temp-queue/replies' });
    answerer.send('SUBSCRIBE', { id: 'q', destination: queue });
    asker.send('SEND', { destination: queue, 'reply-to': '/temp-queue/replies' }, 'ask');
    const question = await answerer.next('MESSAGE');
    const replyTo = question.headers['reply-to'] ?? '';
    expect(replyTo).toMatch(/^\/remote-temp-queue\/ID\\c/);
    answerer.send('SEND', { destination: replyTo }, 'answer');
    const answer = await asker.next('MESSAGE');
    expect([answer.headers['destination'], answer.body.toString()]).toEqual([
      '/temp-queue/replies',
      'answer',
    ]);
  });

  test('an unknown destination form is refused', async () => {
    const client = await broker.connect();
    client.send('SEND', { destination: '/queues/A', receipt: 'r' });
    const { headers, body } = await client.next('ERROR');
    expect(headers['receipt-id']).toBe('r');
    expect(body.toString()).toContain('[BATON_INVALID_DESTINATION]');
    await client.ended();
  });
});

describe('acks:', () => {
  async function filled(count: number): Promise<string> {
    const queue = freshQueue();
    const producer = await broker.connect();
    for (let number = 1; number <= count; number += 1) {
      producer.send('SEND', { destination: queue, persistent: 'true' }, String(number));
    }
    await producer.sendSettled('DISCONNECT');
    return queue;
  }

  test.each(['1.0', '1.1', '1.2'] as const)(
    'with mode client an ACK is for all messages so far (%s)',
    async (version) => {
      const queue = await filled(4);
      const client = await broker.connect(version);
      client.send('SUBSCRIBE', { id: 's', destination: queue, ack: 'client' });
      const messages = [];
      for (let number = 0; number < 4; number += 1) messages.push(await client.next('MESSAGE'));
      const third = messages[2]?.headers ?? {};
      await client.sendSettled(
        'ACK',
        version === '1.2'
          ? { id: third['ack'] ?? '' }
          : { 'message-id': third['message-id'] ?? '', subscription: 's' },
      );
      client.destroy();
      const next = await broker.connect();
      next.send('SUBSCRIBE', { id: 's', destination: queue });
      const { headers, body } = await next.next('MESSAGE');
      expect([body.toString(), headers['redelivered']]).toEqual(['4', 'true']);
    },
  );

  test('with mode client-individual an ACK is for one message', async () => {
    const queue = await filled(3);
    const client = await broker.connect();
    client.send('SUBSCRIBE', { id: 's', destination: queue, ack: 'client-individual' });
    await client.next('MESSAGE');
    const second = await client.next('MESSAGE');
    await client.sendSettled('ACK', { id: second.headers['ack'] ?? '' });
    await client.sendSettled('UNSUBSCRIBE', { id: 's' });
    expect(await drain(queue)).toEqual(['1', '3']);
  });

  test('with mode auto what was sent to the client is consumed', async () => {
    const queue = await filled(3);
    const client = await broker.connect();
    client.send('SUBSCRIBE', { id: 's', destination: queue });
    for (const expected of ['1', '2', '3']) expect(await bodyOf(client)).toBe(expected);
    await client.sendSettled('UNSUBSCRIBE', { id: 's' });
    expect(await drain(queue)).toEqual([]);
  });

  test('a NACK makes a dead letter', async () => {
    const queue = await filled(1);
    const client = await broker.connect();
    client.send('SUBSCRIBE', { id: 's', destination: queue, ack: 'client-individual' });
    const { headers } = await client.next('MESSAGE');
    await client.sendSettled('NACK', { id: headers['ack'] ?? '' });
    client.send('SUBSCRIBE', { id: 'd', destination: '/queue/ActiveMQ.DLQ' });
    const letter = await client.next('MESSAGE');
    expect(letter.headers).toMatchObject({
      'original-destination': queue,
      originalExpiration: '0',
    });
    expect(letter.headers['dlqDeliveryFailureCause']).toContain('NACK');
  });

  test('an ACK for a message that is not there is refused', async () => {
    const client = await broker.connect();
    client.send('ACK', { id: '1-1', receipt: 'r' });
    expect((await client.next('ERROR')).headers['receipt-id']).toBe('r');
    await client.ended();
  });

  test('no more than the prefetch is sent ahead of the acks', async () => {
    const queue = await filled(3);
    const client = await broker.connect();
    client.send('SUBSCRIBE', {
      id: 's',
      destination: queue,
      ack: 'client',
      'activemq.prefetchSize': '2',
    });
    await client.next('MESSAGE');
    const second = await client.next('MESSAGE');
    await client.sendSettled('SEND', { destination: freshQueue() });
    expect(client.pending).toEqual([]);
    client.send('ACK', { id: second.headers['ack'] ?? '' });
    expect(await bodyOf(client)).toBe('3');
  });
});

describe('subscriptions:', () => {
  test('a selector compares text properties as what the other side is', async () => {
    const queue = freshQueue();
    const client = await broker.connect();
    client.send('SUBSCRIBE', { id: 's', destination: queue, selector: 'size > 5' });
    client.send('SEND', { destination: queue, size: '4' }, 'small');
    client.send('SEND', { destination: queue, size: '10' }, 'large');
    expect(await bodyOf(client)).toBe('large');
  });

  test('a selector that cannot be read is refused', async () => {
    const client = await broker.connect();
    client.send('SUBSCRIBE', {
      id: 's',
      destination: freshQueue(),
      selector: 'size >',
      receipt: 'r',
    });
    const { headers, body } = await client.next('ERROR');
    expect([headers['receipt-id'], body.toString()]).toEqual([
      'r',
      expect.stringContaining('[BATON_INVALID_SELECTOR]'),
    ]);
  });

  test('options of the destination are those of the headers, which come first', async () => {
    const queue = freshQueue();
    const producer = await broker.connect();
    for (const body of ['1', '2', '3']) producer.send('SEND', { destination: queue }, body);
    await producer.sendSettled('DISCONNECT');
    const client = await broker.connect();
    client.send('SUBSCRIBE', {
      id: 's',
      destination: `${queue}?consumer.prefetchSize=1&consumer.priority=3`,
      'activemq.prefetchSize': '2',
      ack: 'client',
    });
    await client.next('MESSAGE');
    await client.next('MESSAGE');
    await client.sendSettled('SEND', { destination: freshQueue() });
    expect(client.pending).toEqual([]);
  });

  test.each([
    ['activemq.prefetchSize', '0', 'BATON_INVALID_OPTION'],
    ['activemq.prefetchSize', 'many', 'BATON_INVALID_OPTION'],
    ['activemq.unheardOf', '1', 'BATON_INVALID_OPTION'],
    ['activemq.maximumPendingMessageLimit', '-1', 'BATON_INVALID_OPTION'],
    ['transformation', 'jms-map-json', 'BATON_UNSUPPORTED'],
  ])('%s: %s is refused', async (name, value, code) => {
    const client = await broker.connect();
    client.send('SUBSCRIBE', { id: 's', destination: freshQueue(), [name]: value });
    expect((await client.next('ERROR')).body.toString()).toContain(`[${code}]`);
  });

  test('a durable subscription collects while its client is away, until it is given up', async () => {
    const topic = '/topic/protocol.durable';
    const named = { 'activemq.subscriptionName': 'd' };
    const identity = { 'client-id': 'durable' };
    const producer = await broker.connect();
    const send = (body: string): Promise<void> =>
      producer.sendSettled('SEND', { destination: topic, persistent: 'true' }, body);

    const first = await broker.connect('1.2', identity);
    await first.sendSettled('SUBSCRIBE', { id: 's', destination: topic, ...named });
    await first.sendSettled('DISCONNECT');
    await send('while away');

    const second = await broker.connect('1.2', identity);
    second.send('SUBSCRIBE', { id: 's', destination: topic, ...named });
    expect(await bodyOf(second)).toBe('while away');
    await second.sendSettled('UNSUBSCRIBE', { id: 's', ...named });
    await second.sendSettled('DISCONNECT');
    await send('nobody’s');

    const third = await broker.connect('1.2', identity);
    await third.sendSettled('SUBSCRIBE', { id: 's', destination: topic, ...named });
    await send('new');
    expect(await bodyOf(third)).toBe('new');
  });
});

describe('transactions:', () => {
  test('sends are seen at the commit and not before', async () => {
    const queue = freshQueue();
    const client = await broker.connect();
    client.send('BEGIN', { transaction: 't' });
    await client.sendSettled('SEND', { destination: queue, transaction: 't' }, 'one');
    expect(await drain(queue)).toEqual([]);
    await client.sendSettled('COMMIT', { transaction: 't' });
    expect(await drain(queue)).toEqual(['one']);
  });

  test('sends of a transaction that is aborted, or left open, are never seen', async () => {
    const queue = freshQueue();
    const client = await broker.connect();
    client.send('BEGIN', { transaction: 't' });
    client.send('SEND', { destination: queue, transaction: 't' }, 'one');
    await client.sendSettled('ABORT', { transaction: 't' });
    client.send('BEGIN', { transaction: 't' });
    client.send('SEND', { destination: queue, transaction: 't' }, 'two');
    await client.sendSettled('DISCONNECT');
    await client.ended();
    expect(await drain(queue)).toEqual([]);
  });

  test('acks take effect at the commit', async () => {
    const queue = freshQueue();
    const client = await broker.connect();
    await client.sendSettled('SEND', { destination: queue }, 'one');
    client.send('SUBSCRIBE', { id: 's', destination: queue, ack: 'client' });
    const { headers } = await client.next('MESSAGE');
    client.send('BEGIN', { transaction: 't' });
    await client.sendSettled('ACK', { id: headers['ack'] ?? '', transaction: 't' });
    await client.sendSettled('ABORT', { transaction: 't' });
    // Not acknowledged after all, so it can be again.
    client.send('BEGIN', { transaction: 't' });
    client.send('ACK', { id: headers['ack'] ?? '', transaction: 't' });
    await client.sendSettled('COMMIT', { transaction: 't' });
    await client.sendSettled('UNSUBSCRIBE', { id: 's' });
    expect(await drain(queue)).toEqual([]);
  });

  test('a NACK in a transaction takes effect at the commit', async () => {
    const queue = freshQueue();
    const client = await broker.connect();
    await client.sendSettled('SEND', { destination: queue, persistent: 'true' }, 'bad');
    client.send('SUBSCRIBE', { id: 's', destination: queue, ack: 'client-individual' });
    const { headers } = await client.next('MESSAGE');
    client.send('BEGIN', { transaction: 't' });
    await client.sendSettled('NACK', { id: headers['ack'] ?? '', transaction: 't' });
    expect(await drain(queue)).toEqual(['bad']);
    await client.sendSettled('COMMIT', { transaction: 't' });
    await client.sendSettled('UNSUBSCRIBE', { id: 's' });
    expect(await drain(queue)).toEqual([]);
  });

  test('a transaction that was not begun is refused', async () => {
    const client = await broker.connect();
    client.send('SEND', { destination: '/queue/A', transaction: 'none' });
    expect((await client.next('ERROR')).body.toString()).toContain('[BATON_UNKNOWN_TRANSACTION]');
  });
});

describe('the end:', () => {
  test('DISCONNECT is answered when all before it is settled, then the socket is closed', async () => {
    const queue = freshQueue();
    const client = await broker.connect();
    for (let count = 0; count < 100; count += 1) {
      client.send('SEND', { destination: queue, persistent: 'true' }, String(count));
    }
    await client.sendSettled('DISCONNECT');
    await client.ended();
    expect(await drain(queue)).toHaveLength(100);
  });

  test('nothing behind a DISCONNECT is carried out', async () => {
    const queue = freshQueue();
    const client = await broker.connect();
    client.write(`DISCONNECT\nreceipt:r\n\n\0SEND\ndestination:${queue}\n\nlate\0`);
    expect((await client.next()).headers).toEqual({ 'receipt-id': 'r' });
    await client.ended();
    expect(await drain(queue)).toEqual([]);
  });
});

describe('heart-beats:', () => {
  test('are answered with what the client asks for, but no more often than is sensible', async () => {
    const client = await broker.open();
    client.send('CONNECT', { 'accept-version': '1.2', host: 'h', 'heart-beat': '5000,1' });
    expect((await client.next('CONNECTED')).headers['heart-beat']).toBe('100,5000');
  });

  test('come while there is nothing else to send', async () => {
    const client = await broker.connect('1.2', { 'heart-beat': '0,100' });
    await client.lineEnds(3);
  });

  test('a client that promised them and falls silent is disconnected', async () => {
    const client = await broker.connect('1.2', { 'heart-beat': '100,0' });
    await client.ended();
  });

  test('what a silent client had not acknowledged goes to the next one', async () => {
    const queue = freshQueue();
    const next = await broker.connect();
    await next.sendSettled('SEND', { destination: queue }, 'x');
    const silent = await broker.connect('1.2', { 'heart-beat': '100,0' });
    silent.send('SUBSCRIBE', { id: 's', destination: queue, ack: 'client' });
    await silent.next('MESSAGE');
    next.send('SUBSCRIBE', { id: 's', destination: queue });
    const { headers, body } = await next.next('MESSAGE');
    expect([body.toString(), headers['redelivered']]).toEqual(['x', 'true']);
  });
});
