/**
 * Random groups, consumers that come, go and crash, transactions and takeovers. Whatever happens: no
 * two consumers hold unacked messages of one group; what is held of a group is what comes first of
 * it; and in the end every message was consumed once. With selectors a message that nobody wants is passed by and comes later.
 */
import { LAST_DELIVERED_NONE, LAST_DELIVERED_UNKNOWN } from '../src/index.ts';
import type { Broker, Delivery } from '../src/index.ts';
import type { TransactionId } from '@batonmq/model';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { textOf, TestClient, TestWorld, type TestConsumer } from './test-client.ts';

const GROUPS = ['g', 'h', 'i', 'j'];
const MESSAGES_MAX = 40;

interface Held {
  readonly client: TestClient;
  readonly consumer: TestConsumer;
  /** Delivered and not consumed, in order; those that a transaction acked are in it as well. */
  readonly unacked: Delivery[];
  transaction: { readonly id: TransactionId; readonly acked: Set<Delivery> } | undefined;
  /** Its consumer is closed; a transaction is still open. */
  isClosed: boolean;
}

class Run {
  readonly #world = new TestWorld();
  /** Texts, by group, in the order of their sends. */
  readonly #sent = new Map<string, string[]>();
  readonly #consumed: string[] = [];
  readonly #done = new Set<string>();
  readonly #held = new Set<Held>();
  #hasSelectors = false;
  #standby: Broker | undefined;
  #active: Broker | undefined;
  #sender: TestClient | undefined;
  #clientCount = 0;
  #messageCount = 0;
  #transactionCount = 0;

  async start(): Promise<void> {
    const settings = { messageGroupOwnerWaitMs: 200, queueWindowMessages: 16 };
    this.#active = await this.#world.broker(settings);
    this.#standby = await this.#world.broker(settings);
    this.#sender = this.#client();
  }

  async send(group: number, groupSequence: number): Promise<void> {
    if (this.#messageCount === MESSAGES_MAX) return;
    this.#messageCount += 1;
    const text = `${this.#messageCount}`;
    const groupId = GROUPS[group] ?? '';
    const properties = { kind: this.#messageCount % 3 };
    this.#sent.set(groupId, [...(this.#sent.get(groupId) ?? []), text]);
    await this.#sender?.send('Q', text, { groupId, groupSequence, properties });
    this.#check();
  }

  async join(prefetchCount: number, priority: number, selector: string | undefined): Promise<void> {
    if (this.#held.size === 4) return;
    const client = this.#client();
    const consumer = client.consume('Q', { prefetchCount, priority, selector });
    this.#hold(client, consumer);
    await this.#world.elapse(1);
    this.#check();
  }

  /** Acks one message, in an open transaction if there is one. */
  async ack(which: number, at: number): Promise<void> {
    const held = this.#pick(which);
    const { transaction } = held ?? {};
    const open = held?.unacked.filter((delivery) => transaction?.acked.has(delivery) !== true);
    const delivery = open?.[at % Math.max(1, open.length)];
    if (held === undefined || held.isClosed || delivery === undefined) return;
    const rest = { kind: 'individual' as const, transactionId: transaction?.id };
    await held.consumer.ack(undefined, delivery, rest);
    if (transaction === undefined) this.#consume(held, delivery);
    else transaction.acked.add(delivery);
    await this.#world.elapse(1);
    this.#check();
  }

  begin(which: number): void {
    const held = this.#pick(which);
    if (held === undefined || held.isClosed || held.transaction !== undefined) return;
    this.#transactionCount += 1;
    held.transaction = { id: held.client.begin(this.#transactionCount), acked: new Set() };
  }

  async endTransaction(which: number, isCommit: boolean): Promise<void> {
    const held = this.#pick(which);
    const { transaction } = held ?? {};
    if (held === undefined || transaction === undefined) return;
    held.transaction = undefined;
    if (isCommit) {
      await held.client.commit(transaction.id);
      for (const delivery of transaction.acked) this.#consume(held, delivery);
    } else {
      await held.client.rollback(transaction.id);
      if (held.isClosed) held.unacked.length = 0;
    }
    if (held.isClosed) this.#held.delete(held);
    await this.#world.elapse(1);
    this.#check();
  }

  /** The consumer closes, and its transaction goes on; or its connection is lost. */
  async leave(which: number, isCrash: boolean): Promise<void> {
    const held = this.#pick(which);
    if (held === undefined) return;
    if (isCrash || held.transaction === undefined) this.#held.delete(held);
    if (isCrash) {
      held.client.connection.close(LAST_DELIVERED_UNKNOWN);
    } else {
      held.isClosed = true;
      held.consumer.subscription.close(LAST_DELIVERED_NONE);
      const { acked } = held.transaction ?? { acked: new Set() };
      held.unacked.splice(0, Infinity, ...held.unacked.filter((each) => acked.has(each)));
    }
    await this.#world.elapse(1);
    this.#check();
  }

  /** Another broker takes over; of the clients some come back. */
  async takeOver(returning: number): Promise<void> {
    await this.#world.elapse();
    const before = [...this.#held];
    this.#held.clear();
    this.#world.space.depose();
    await this.#world.elapse();
    [this.#active, this.#standby] = [this.#standby, this.#active];
    this.#sender = this.#client();
    for (const [index, { client, consumer, isClosed }] of before.entries()) {
      if (isClosed || (returning & (1 << index)) === 0) continue;
      const { prefetchCount, priority, selector } = consumer.subscription.options;
      const name = client.connection.connectionId.slice('ID:'.length);
      const back = new TestClient(this.#world, this.#broker, name, true);
      this.#hold(back, back.consume('Q', { prefetchCount, priority, selector }));
    }
    await this.#world.elapse(1);
    this.#check();
  }

  /** Everybody ends what is open and acks everything; so everything arrives. */
  async finish(): Promise<void> {
    for (const held of [...this.#held]) {
      await this.endTransaction([...this.#held].indexOf(held), true);
    }
    const client = this.#client();
    this.#hold(client, client.consume('Q'));
    await this.#world.elapse();
    for (let round = 0; this.#consumed.length < this.#messageCount && round < 500; round += 1) {
      for (const held of this.#held) {
        const [delivery] = held.unacked;
        if (delivery === undefined) continue;
        await held.consumer.ack(undefined, delivery, { kind: 'individual' });
        this.#consume(held, delivery);
      }
      await this.#world.elapse();
      this.#check();
    }
    const sent = Array.from({ length: this.#messageCount }, (_, index) => `${index + 1}`);
    expect([...this.#consumed].sort(byNumber)).toEqual(sent);
    await this.#world.end();
  }

  #check(): void {
    for (const group of GROUPS) {
      const holders = [...this.#held].filter(({ unacked }) => inGroup(unacked, group).length > 0);
      expect(holders.length, `consumers with messages of ${group}`).toBeLessThanOrEqual(1);
      for (const { unacked, isClosed } of holders) {
        // What its transaction acked, in whatever order that was.
        if (isClosed) continue;
        const texts = inGroup(unacked, group).map(({ message }) => textOf(message));
        const waiting = (this.#sent.get(group) ?? []).filter((text) => !this.#done.has(text));
        if (!this.#hasSelectors) expect(texts).toEqual(waiting.slice(0, texts.length));
      }
    }
  }

  #hold(client: TestClient, consumer: TestConsumer): void {
    const { deliveries: unacked } = consumer;
    this.#held.add({ client, consumer, unacked, transaction: undefined, isClosed: false });
    if (consumer.subscription.options.selector !== undefined) this.#hasSelectors = true;
  }

  #consume(held: Held, delivery: Delivery): void {
    held.unacked.splice(held.unacked.indexOf(delivery), 1);
    this.#consumed.push(textOf(delivery.message));
    this.#done.add(textOf(delivery.message));
  }

  #pick(which: number): Held | undefined {
    return [...this.#held][which % Math.max(1, this.#held.size)];
  }

  #client(): TestClient {
    this.#clientCount += 1;
    return new TestClient(this.#world, this.#broker, `c${this.#clientCount}`);
  }

  get #broker(): Broker {
    if (this.#active === undefined) throw new Error('not started');
    return this.#active;
  }
}

function inGroup(deliveries: readonly Delivery[], group: string): readonly Delivery[] {
  return deliveries.filter(({ message }) => message.groupId === group);
}

function byNumber(one: string, other: string): number {
  return Number(one) - Number(other);
}

/** What is done, in a form that a failure prints. */
type Step =
  | readonly ['send', number, number]
  | readonly ['ack', number, number]
  | readonly ['join', number, number, string | undefined]
  | readonly ['leave', number, boolean]
  | readonly ['begin', number]
  | readonly ['endTransaction', number, boolean]
  | readonly ['takeOver', number];

async function perform(run: Run, step: Step): Promise<void> {
  switch (step[0]) {
    case 'send':
      return run.send(step[1], step[2]);
    case 'ack':
      return run.ack(step[1], step[2]);
    case 'join':
      return run.join(step[1], step[2], step[3]);
    case 'leave':
      return run.leave(step[1], step[2]);
    case 'begin':
      run.begin(step[1]);
      return;
    case 'endTransaction':
      return run.endTransaction(step[1], step[2]);
    case 'takeOver':
      return run.takeOver(step[1]);
  }
}

function stepsWith(selectors: readonly (string | undefined)[]): fc.Arbitrary<readonly Step[]> {
  const who = fc.nat(3);
  const is = fc.constant;
  const prefetch = fc.constantFrom(1, 2, 10);
  const priority = fc.constantFrom(0, 0, 5);
  const step = fc.oneof(
    { weight: 8, arbitrary: fc.tuple(is('send'), fc.nat(3), fc.constantFrom(0, 0, 0, 0, 1, -1)) },
    { weight: 6, arbitrary: fc.tuple(is('ack'), who, fc.nat(4)) },
    {
      weight: 3,
      arbitrary: fc.tuple(is('join'), prefetch, priority, fc.constantFrom(...selectors)),
    },
    { weight: 2, arbitrary: fc.tuple(is('leave'), who, fc.boolean()) },
    { weight: 2, arbitrary: fc.tuple(is('begin'), who) },
    { weight: 1, arbitrary: fc.tuple(is('endTransaction'), who, fc.boolean()) },
    { weight: 1, arbitrary: fc.tuple(is('takeOver'), fc.nat(15)) },
  );
  // Long ones: most of what can go wrong takes several consumers.
  return fc.array(step, { maxLength: 80, size: 'max' });
}

test.each([
  { consumers: 'consumers of everything', selectors: [undefined] },
  { consumers: 'consumers with selectors', selectors: [undefined, 'kind <> 0', 'kind <> 1'] },
])(
  '$consumers have a group one at a time, whatever happens',
  async ({ selectors }) => {
    await fc.assert(
      fc.asyncProperty(stepsWith(selectors), async (steps) => {
        const run = new Run();
        await run.start();
        for (const step of steps) await perform(run, step);
        await run.finish();
      }),
      { numRuns: 250 },
    );
  },
  120_000,
);
