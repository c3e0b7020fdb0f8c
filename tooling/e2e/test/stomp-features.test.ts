import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import {
  compileJava,
  runJava,
  startBatonMq,
  temporaryDirectory,
  type BatonMq,
  type TemporaryDirectory,
} from '@batonmq/services';
import type { Client, IMessage } from '@stomp/stompjs';
import { TCPWrapper } from '@stomp/tcp-wrapper';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { messagesOf, refusalOf, settled, stompHeaders, stompJsClient } from './stomp-js-client.ts';

const JAVA_PEER = fileURLToPath(new URL('../java/JmsStompPeer.java', import.meta.url));

type Headers = Readonly<Record<string, string>>;

let directory: TemporaryDirectory;
let broker: BatonMq;
let clients: Client[] = [];

async function started(): Promise<BatonMq> {
  const made = await startBatonMq({
    name: 'broker',
    store: `file:${join(directory.path, 'store')}`,
    config: join(directory.path, 'broker.yaml'),
  });
  await made.becomes('active');
  return made;
}

beforeAll(async () => {
  directory = await temporaryDirectory();
  const policies = [
    { queue: 'by.priority', prioritizedMessages: true },
    { topic: 'retroactive', subscriptionRecoveryPolicy: { type: 'fixedCount', maximumSize: 2 } },
  ];
  await writeFile(join(directory.path, 'broker.yaml'), JSON.stringify({ policies }));
  broker = await started();
}, 30_000);
afterEach(async () => {
  await Promise.all(clients.map((client) => client.deactivate()));
  clients = [];
});
afterAll(async () => {
  await broker[Symbol.asyncDispose]();
  await directory[Symbol.asyncDispose]();
});

async function connected(headers: Headers = {}): Promise<Client> {
  const client = await stompJsClient(() => new TCPWrapper('127.0.0.1', broker.port), 0, headers);
  clients.push(client);
  return client;
}

async function send(
  client: Client,
  destination: string,
  body: string,
  headers: Headers = {},
): Promise<void> {
  await settled(client, (receipt) => {
    client.publish({ destination, body, headers: stompHeaders({ ...headers, receipt }) });
  });
}

/** Keeps what arrives, acking it at once. */
async function collect(
  client: Client,
  destination: string,
  headers: Headers = {},
): Promise<IMessage[]> {
  const messages: IMessage[] = [];
  await settled(client, (receipt) => {
    client.subscribe(
      destination,
      (message) => {
        messages.push(message);
        message.ack();
      },
      stompHeaders({ ack: 'client-individual', ...headers, receipt }),
    );
  });
  return messages;
}

function bodiesOf(messages: readonly IMessage[]): readonly string[] {
  return messages.map(({ body }) => body);
}

describe('a message group', () => {
  const GROUPS = ['a', 'b', 'c', 'd', 'e', 'f'];
  const PER_GROUP = 30;

  /** Sends the messages of all groups in turn, from number `first` on. */
  async function sendGroups(client: Client, queue: string, first: number): Promise<void> {
    for (let number = first; number < first + PER_GROUP; number += 1) {
      for (const group of GROUPS) {
        const headers = { JMSXGroupID: group, persistent: 'true' };
        await send(client, queue, `${group} ${number}`, headers);
      }
    }
  }

  function groupsOf(messages: readonly IMessage[]): ReadonlySet<string> {
    return new Set(messages.map(({ headers }) => headers['JMSXGroupID'] ?? ''));
  }

  function numbersOf(messages: readonly IMessage[], group: string): readonly number[] {
    return messages
      .filter(({ headers }) => headers['JMSXGroupID'] === group)
      .map(({ body }) => Number(body.slice(group.length)));
  }

  test('is in order at one consumer, and goes on in order with another when that one leaves', async () => {
    const queue = '/queue/groups';
    const sender = await connected();
    const [leaving, staying] = [await connected(), await connected()];
    const [first, second] = [await collect(leaving, queue), await collect(staying, queue)];
    await sendGroups(sender, queue, 0);
    await expect.poll(() => first.length + second.length).toBe(GROUPS.length * PER_GROUP);
    expect([...groupsOf(first), ...groupsOf(second)].sort()).toEqual(GROUPS);
    const owned = [...groupsOf(first)];
    expect(owned.length).toBeGreaterThan(0);
    await leaving.deactivate();
    second.length = 0;
    await sendGroups(sender, queue, PER_GROUP);
    await expect.poll(() => second.length).toBe(GROUPS.length * PER_GROUP);
    for (const group of GROUPS) {
      const expected = Array.from({ length: PER_GROUP }, (_, index) => PER_GROUP + index);
      expect(numbersOf(second, group)).toEqual(expected);
    }
    // The first one of a group at its new owner says so.
    const news = second.filter(({ headers }) => headers['JMSXGroupFirstForConsumer'] === 'true');
    expect([...groupsOf(news)].sort()).toEqual(owned.sort());
  });

  test('of a STOMP client reaches Java with its sequence', async () => {
    const lines: string[] = [];
    const program = await compileJava(JAVA_PEER);
    await using java = runJava(program, [broker.uri, 'receive', 'groups.java', '2'], {
      onLine: (line) => {
        if (line.startsWith('received ')) lines.push(line);
      },
    });
    const client = await connected();
    for (const sequence of ['1', '2']) {
      const headers = { JMSXGroupID: 'g', JMSXGroupSeq: sequence };
      await send(client, '/queue/groups.java', sequence, headers);
    }
    await java.succeeded();
    expect(
      lines.map((line) => /JMSXGroupID=String g.*JMSXGroupSeq=Integer (\d)/.exec(line)?.[1]),
    ).toEqual(['1', '2']);
  });
});

describe('a scheduled message', () => {
  test('arrives after its delay, without its schedule', async () => {
    const client = await connected();
    const messages = await collect(client, '/queue/later');
    const sentAt = performance.now();
    await send(client, '/queue/later', 'tea', { AMQ_SCHEDULED_DELAY: '700', key: 'value' });
    await expect.poll(() => messages.length, { timeout: 5000 }).toBe(1);
    expect(performance.now() - sentAt).toBeGreaterThanOrEqual(650);
    const headers = messages[0]?.headers ?? stompHeaders({});
    expect(headers['key']).toBe('value');
    expect(headers).toHaveProperty('scheduledJobId');
    expect(headers).not.toHaveProperty('AMQ_SCHEDULED_DELAY');
  });

  test('is repeated', async () => {
    const client = await connected();
    const messages = await collect(client, '/queue/repeated');
    await send(client, '/queue/repeated', 'tea', {
      AMQ_SCHEDULED_PERIOD: '50',
      AMQ_SCHEDULED_REPEAT: '2',
    });
    await expect.poll(() => bodiesOf(messages), { timeout: 5000 }).toEqual(['tea', 'tea', 'tea']);
    expect(new Set(messages.map(({ headers }) => headers['message-id'])).size).toBe(3);
  });

  test('can be looked at and removed', async () => {
    const client = await connected();
    await send(client, '/queue/never', 'tea', { AMQ_SCHEDULED_DELAY: '1000000' });
    const jobs = async (): Promise<IMessage[]> => {
      const asker = await connected();
      const found = await collect(asker, '/temp-queue/jobs');
      await send(asker, '/topic/ActiveMQ.Scheduler.Management', '', {
        AMQ_SCHEDULER_ACTION: 'BROWSE',
        'reply-to': '/temp-queue/jobs',
      });
      // What comes behind the replies.
      await send(asker, '/temp-queue/jobs', 'end');
      await expect.poll(() => bodiesOf(found)).toContain('end');
      return found.filter(({ body }) => body !== 'end');
    };
    const [job, ...others] = await jobs();
    expect(others).toEqual([]);
    expect(job?.headers).toMatchObject({
      AMQ_SCHEDULED_DELAY: '1000000',
      'original-destination': '/queue/never',
    });
    await send(client, '/topic/ActiveMQ.Scheduler.Management', '', {
      AMQ_SCHEDULER_ACTION: 'REMOVE',
      scheduledJobId: job?.headers['scheduledJobId'] ?? '',
    });
    expect(await jobs()).toEqual([]);
  });

  test('with a schedule that is none is refused', async () => {
    const client = await connected();
    const refusal = await refusalOf(client, () => {
      const headers = stompHeaders({ AMQ_SCHEDULED_CRON: 'every day' });
      client.publish({ destination: '/queue/later', body: 'tea', headers });
    });
    expect(refusal).toMatch(/AMQ_SCHEDULED_CRON|cron/);
  });

  test('of a STOMP client reaches Java when it is due', async () => {
    const program = await compileJava(JAVA_PEER);
    await using java = runJava(program, [broker.uri, 'receive', 'later.java', '1']);
    await send(await connected(), '/queue/later.java', 'tea', { AMQ_SCHEDULED_DELAY: '300' });
    await java.succeeded();
  });
});

describe('the header', () => {
  test('expires: a message that is too old is not delivered', async () => {
    const client = await connected();
    await send(client, '/queue/expiring', 'old', { expires: String(Date.now() - 1) });
    await send(client, '/queue/expiring', 'young', { expires: String(Date.now() + 100_000) });
    const messages = await messagesOf(client, '/queue/expiring', 1);
    expect(bodiesOf(messages)).toEqual(['young']);
  });

  test('priority: the greater comes first where the queue has priorities', async () => {
    const client = await connected();
    for (const priority of ['1', '9', '4']) {
      await send(client, '/queue/by.priority', priority, { priority });
    }
    const messages = await messagesOf(client, '/queue/by.priority', 3);
    expect(bodiesOf(messages)).toEqual(['9', '4', '1']);
  });

  test('persistent: what has it outlives a kill of the broker', async () => {
    const client = await connected();
    await send(client, '/queue/lasting', 'kept', { persistent: 'true' });
    await send(client, '/queue/lasting', 'not kept');
    await broker.kill();
    await client.deactivate({ force: true });
    broker = await started();
    const again = await connected();
    await send(again, '/queue/lasting', 'new', { persistent: 'true' });
    const messages = await messagesOf(again, '/queue/lasting', 2);
    expect(bodiesOf(messages)).toEqual(['kept', 'new']);
  }, 60_000);

  test('activemq.exclusive: one consumer gets everything, until it leaves', async () => {
    const queue = '/queue/exclusive';
    const [sender, owner, next] = [await connected(), await connected(), await connected()];
    const ofOwner = await collect(owner, queue, { 'activemq.exclusive': 'true' });
    const ofNext = await collect(next, queue, { 'activemq.exclusive': 'true' });
    for (const body of ['1', '2', '3']) await send(sender, queue, body);
    await expect.poll(() => bodiesOf(ofOwner)).toEqual(['1', '2', '3']);
    await owner.deactivate();
    await send(sender, queue, '4');
    await expect.poll(() => bodiesOf(ofNext)).toEqual(['4']);
    const epochOf = (message: IMessage | undefined): number =>
      Number(message?.headers['BatonMQExclusiveEpoch']);
    expect(epochOf(ofNext[0])).toBeGreaterThan(epochOf(ofOwner[0]));
  });

  test('activemq.retroactive: a late subscriber gets what was kept, then what is new', async () => {
    const topic = '/topic/retroactive';
    const client = await connected();
    for (const body of ['1', '2', '3']) await send(client, topic, body);
    const late = await collect(await connected(), topic, { 'activemq.retroactive': 'true' });
    await send(client, topic, 'new');
    await expect.poll(() => bodiesOf(late)).toEqual(['2', '3', 'new']);
  });

  test('activemq.priority: the greater one is filled first', async () => {
    const queue = '/queue/consumers.by.priority';
    const [low, high] = [await connected(), await connected()];
    const ofLow = await collect(low, queue, { 'activemq.priority': '1' });
    const ofHigh = await collect(high, queue, { 'activemq.priority': '7' });
    for (const body of ['1', '2', '3']) await send(low, queue, body);
    await expect.poll(() => bodiesOf(ofHigh)).toEqual(['1', '2', '3']);
    expect(ofLow).toEqual([]);
  });

  test('activemq.prefetchSize: with 1, a busy consumer holds up no message', async () => {
    const queue = '/queue/prefetch';
    const [busy, free] = [await connected(), await connected()];
    for (const body of ['1', '2', '3', '4']) await send(busy, queue, body);
    const held: IMessage[] = [];
    busy.subscribe(
      queue,
      (message) => held.push(message),
      stompHeaders({ ack: 'client', 'activemq.prefetchSize': '1' }),
    );
    await expect.poll(() => bodiesOf(held)).toEqual(['1']);
    const others = await collect(free, queue, { 'activemq.prefetchSize': '1' });
    await expect.poll(() => bodiesOf(others)).toEqual(['2', '3', '4']);
    expect(bodiesOf(held)).toEqual(['1']);
  });

  test('activemq.noLocal: a subscriber does not hear itself', async () => {
    const [client, other] = [await connected(), await connected()];
    const messages = await collect(client, '/topic/noLocal', { 'activemq.noLocal': 'true' });
    await send(client, '/topic/noLocal', 'mine');
    await send(other, '/topic/noLocal', 'theirs');
    await expect.poll(() => bodiesOf(messages)).toEqual(['theirs']);
  });
});

describe('a transaction of sends, an ACK and a NACK', () => {
  /** Three messages that were received, of which the first is to be acked and the second nacked. */
  async function received(client: Client, queue: string): Promise<readonly IMessage[]> {
    for (const body of ['acked', 'nacked', 'left']) await send(client, queue, body);
    return messagesOf(client, queue, 3, 'client-individual');
  }

  async function left(queue: string): Promise<readonly string[]> {
    const client = await connected();
    const bodies: string[] = [];
    await new Promise<void>((resolve) => {
      client.subscribe(
        queue,
        ({ headers, body }) => {
          if (headers['browser'] === 'end') resolve();
          else bodies.push(body);
        },
        stompHeaders({ browser: 'true' }),
      );
    });
    return bodies;
  }

  async function decided(queue: string, decision: 'commit' | 'abort'): Promise<void> {
    const client = await connected();
    const [first, second] = await received(client, queue);
    const { id } = client.begin();
    const headers = stompHeaders({ transaction: id });
    first?.ack(headers);
    second?.nack(headers);
    await send(client, queue, 'sent', { transaction: id });
    expect(await left(queue)).toEqual(['acked', 'nacked', 'left']);
    if (decision === 'commit') client.commit(id);
    else client.abort(id);
    // Its answer comes behind the decision.
    await send(client, '/queue/behind', 'x', { persistent: 'true' });
    await client.deactivate();
  }

  test('takes effect with its commit', async () => {
    await decided('/queue/tx.committed', 'commit');
    expect(await left('/queue/tx.committed')).toEqual(['left', 'sent']);
  });

  test('has no effect if it is aborted', async () => {
    await decided('/queue/tx.aborted', 'abort');
    expect(await left('/queue/tx.aborted')).toEqual(['acked', 'nacked', 'left']);
  });
});
