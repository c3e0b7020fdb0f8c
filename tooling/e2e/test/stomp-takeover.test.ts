import { temporaryDirectory } from '@batonmq/services';
import { Client, ReconnectionTimeMode, StompConfig, type IMessage } from '@stomp/stompjs';
import { TCPWrapper } from '@stomp/tcp-wrapper';
import { describe, expect, test } from 'vitest';
import { BrokerPair } from '../src/broker-pair.ts';
import { messagesOf, settled, stompHeaders, stompJsClient } from './stomp-js-client.ts';

/** Messages that are sent around the kill. */
const COUNT = 400;

/**
 * A client that comes back by itself, to whichever of the two ports answers. `connected` is called each
 * time it has logged in.
 */
function returningClient(
  ports: readonly number[],
  connected: (client: Client) => void,
  connectHeaders: Readonly<Record<string, string>> = {},
): Client {
  let attempt = 0;
  const config = Object.assign(new StompConfig(), {
    webSocketFactory: () => {
      attempt += 1;
      return new TCPWrapper('127.0.0.1', ports[attempt % ports.length] ?? 0);
    },
    connectHeaders,
    reconnectDelay: 20,
    reconnectTimeMode: ReconnectionTimeMode.LINEAR,
    heartbeatIncoming: 0,
    heartbeatOutgoing: 0,
  });
  const client = new Client(config);
  client.onConnect = () => {
    connected(client);
  };
  client.activate();
  return client;
}

/** A promise that is resolved from outside. */
class Moment {
  readonly reached: Promise<void>;
  reach: () => void = () => undefined;

  constructor() {
    this.reached = new Promise((resolve) => {
      this.reach = resolve;
    });
  }
}

/** Sends messages one after the other; each again until its receipt has come. */
class Sender {
  readonly answered: string[] = [];
  readonly #destination: string;
  readonly #client: Client;
  readonly #half = new Moment();
  readonly #done = new Moment();

  constructor(ports: readonly number[], destination: string) {
    this.#destination = destination;
    this.#client = returningClient(ports, () => {
      this.#sendNext();
    });
  }

  /** Resolves when half of them have been answered. */
  get half(): Promise<void> {
    return this.#half.reached;
  }

  async done(): Promise<void> {
    await this.#done.reached;
    await this.#client.deactivate();
  }

  #sendNext(): void {
    const body = String(this.answered.length);
    const receipt = `r-${body}`;
    this.#client.watchForReceipt(receipt, () => {
      // A receipt of the broker that died may still be read after it.
      if (body !== String(this.answered.length)) return;
      this.answered.push(body);
      if (this.answered.length === COUNT / 2) this.#half.reach();
      if (this.answered.length === COUNT) this.#done.reach();
      else this.#sendNext();
    });
    const headers = stompHeaders({ persistent: 'true', receipt });
    this.#client.publish({ destination: this.#destination, body, headers });
  }
}

function distinct(bodies: readonly string[]): readonly string[] {
  return [...new Set(bodies)];
}

const EVERYTHING = Array.from({ length: COUNT }, (_, index) => String(index));

/** Resolves when `messages` holds all that was sent. */
async function complete(messages: readonly IMessage[]): Promise<void> {
  await expect
    .poll(() => new Set(messages.map(({ body }) => body)).size, { timeout: 20_000 })
    .toBe(COUNT);
}

describe('when the active broker is killed, STOMP clients that come back', () => {
  test('lose nothing they have a receipt for, and get again what they had not acked', async () => {
    await using directory = await temporaryDirectory();
    await using pair = await BrokerPair.start({ directory: directory.path });
    const ports = [pair.active.port, pair.standby.port];
    const before: string[] = [];
    const after: IMessage[] = [];
    let connectCount = 0;
    const consumer = returningClient(ports, (client) => {
      connectCount += 1;
      const isFirst = connectCount === 1;
      client.subscribe(
        '/queue/takeover',
        (message) => {
          if (isFirst) {
            before.push(message.body);
            return;
          }
          after.push(message);
          message.ack();
        },
        stompHeaders({ ack: 'client-individual' }),
      );
    });
    const sender = new Sender(ports, '/queue/takeover');
    await sender.half;
    await pair.killActive();
    await sender.done();
    await complete(after);
    await consumer.deactivate();
    const seen = after.map(({ body }) => body);
    expect(distinct(seen)).toEqual(EVERYTHING);
    expect(before.length).toBeGreaterThan(0);
    expect(seen.slice(0, before.length)).toEqual(before);
  }, 60_000);

  test('see that a message was redelivered before the kill', async () => {
    await using directory = await temporaryDirectory();
    await using pair = await BrokerPair.start({ directory: directory.path });
    const { port } = pair.active;
    const connected = (): Promise<Client> => stompJsClient(() => new TCPWrapper('127.0.0.1', port));
    const first = await connected();
    for (const body of ['1', '2', '3']) {
      first.publish({
        destination: '/queue/marked',
        body,
        headers: stompHeaders({ persistent: 'true' }),
      });
    }
    await messagesOf(first, '/queue/marked', 3, 'client-individual');
    await first.deactivate({ force: true });
    const second = await connected();
    const again = await messagesOf(second, '/queue/marked', 3, 'client-individual');
    expect(again.map(({ headers }) => headers['redelivered'])).toEqual(['true', 'true', 'true']);
    // Its receipt says that all before it is durable.
    await settled(second, (receipt) => {
      const headers = stompHeaders({ persistent: 'true', receipt });
      second.publish({ destination: '/queue/other', headers });
    });
    await Promise.all([pair.killActive(), second.deactivate({ force: true })]);
    const last: IMessage[] = [];
    const third = returningClient([pair.active.port], (client) => {
      client.subscribe('/queue/marked', (message) => last.push(message));
    });
    await expect.poll(() => last.length, { timeout: 20_000 }).toBe(3);
    await third.deactivate();
    expect(last.map(({ body, headers }) => [body, headers['redelivered']])).toEqual([
      ['1', 'true'],
      ['2', 'true'],
      ['3', 'true'],
    ]);
  }, 60_000);

  test('find their durable subscription with everything that came meanwhile', async () => {
    await using directory = await temporaryDirectory();
    await using pair = await BrokerPair.start({ directory: directory.path });
    const ports = [pair.active.port, pair.standby.port];
    const messages: IMessage[] = [];
    const subscribed = new Moment();
    const consumer = returningClient(
      ports,
      (client) => {
        client.watchForReceipt('subscribed', subscribed.reach);
        client.subscribe(
          '/topic/takeover',
          (message) => {
            messages.push(message);
            message.ack();
          },
          stompHeaders({
            ack: 'client-individual',
            receipt: 'subscribed',
            'activemq.subscriptionName': 'kept',
          }),
        );
      },
      { 'client-id': 'stomp-durable' },
    );
    await subscribed.reached;
    const sender = new Sender(ports, '/topic/takeover');
    await sender.half;
    await pair.killActive();
    await sender.done();
    await complete(messages);
    await consumer.deactivate();
    const seen = messages.map(({ body }) => body);
    expect(distinct(seen)).toEqual(EVERYTHING);
  }, 60_000);

  test('find an open transaction rolled back, and a committed one whole', async () => {
    await using directory = await temporaryDirectory();
    await using pair = await BrokerPair.start({ directory: directory.path });
    const ports = [pair.active.port, pair.standby.port];
    const committed = new Moment();
    const sender = returningClient([pair.active.port], (client) => {
      client.watchForReceipt('committed', committed.reach);
      for (const [name, bodies] of [
        ['open', ['lost 1', 'lost 2']],
        ['whole', ['kept 1', 'kept 2']],
      ] as const) {
        const { id } = client.begin(name);
        const headers = stompHeaders({ transaction: id, persistent: 'true' });
        for (const body of bodies) client.publish({ destination: '/queue/tx', body, headers });
      }
      client.commit('whole');
      // Its receipt comes behind that of the commit.
      const headers = stompHeaders({ persistent: 'true', receipt: 'committed' });
      client.publish({ destination: '/queue/tx', body: 'last', headers });
    });
    await committed.reached;
    await Promise.all([pair.killActive(), sender.deactivate({ force: true })]);
    const bodies: string[] = [];
    const reader = returningClient(ports, (client) => {
      client.subscribe('/queue/tx', ({ body }) => bodies.push(body));
    });
    await expect.poll(() => bodies.includes('last'), { timeout: 20_000 }).toBe(true);
    await reader.deactivate();
    expect(bodies).toEqual(['kept 1', 'kept 2', 'last']);
  }, 60_000);
});
