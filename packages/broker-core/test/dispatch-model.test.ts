import { simRandom } from '@batonmq/runtime/sim';
import type { TransactionId } from '@batonmq/model';
import { describe, expect, test } from 'vitest';
import { LAST_DELIVERED_UNKNOWN, type Broker, type Delivery } from '../src/index.ts';
import { ackOf, TestClient, TestWorld, textOf, type TestConsumer } from './test-client.ts';

// Random runs with message groups whose backlogs are longer than the window of their queue, among
// messages without a group, consumers that come, go and come back, and takeovers. Checked with each delivery:
//
// 1. A message is with one consumer at a time, and says if it was at another before.
// 2. All that is out of a group is at one consumer.
// 3. What comes of a group comes after all that was sent to the group before, but for what its consumer has already.
// 4. Of a producer's messages without a group, first deliveries come to a consumer in the order of their sends.
// 5. While an exclusive consumer is there, nobody else gets anything.
//
// And whenever there was time for everything: no message without a group waits while somebody who
// may have it has room, and nothing waits while everybody has room. At the end everything is consumed once.

const STEPS = 150;
const GROUPS = ['g', 'h', 'i', 'j', 'k', undefined, undefined] as const;
const COLORS = ['red', 'blue'] as const;
const PRIORITIES = [0, 4, 9] as const;
const DELAY_MS = 40;
/** Longer than a delay, an owner is waited for, and all reading takes. */
const ENOUGH_MS = 3000;

interface Variety {
  readonly hasSelectors?: boolean;
  readonly hasPriorities?: boolean;
  readonly hasExclusive?: boolean;
  readonly isSlow?: boolean;
  readonly isRedelivering?: boolean;
}

interface Sent {
  readonly number: number;
  readonly producer: number;
  readonly group: string | undefined;
  readonly color: string;
  /** What has an order: one delivery mode, one priority if priorities count. */
  readonly line: string;
  readonly isPersistent: boolean;
  isDone: boolean;
  /** It was given to somebody, and is back. */
  wasOut: boolean;
  holder: Holder | undefined;
  deliveryCount: number;
}

interface Holder {
  readonly client: TestClient;
  readonly name: string;
  readonly consumer: TestConsumer;
  readonly prefetchCount: number;
  readonly color: string | undefined;
  readonly isExclusive: boolean;
  readonly unacked: Sent[];
  readonly lastOf: Map<string, number>;
  transaction: { readonly id: TransactionId; readonly acked: Set<Sent> } | undefined;
  isOpen: boolean;
}

class Run {
  readonly #world = new TestWorld();
  readonly #random;
  readonly #variety: Variety;
  readonly #sent: Sent[] = [];
  readonly #violations: string[] = [];
  readonly #brokers: Broker[] = [];
  #holders: Holder[] = [];
  #producers: TestClient[] = [];
  #clientCount = 0;
  #transactionCount = 0;

  constructor(seed: number, variety: Variety) {
    this.#random = simRandom(seed);
    this.#variety = variety;
  }

  async play(): Promise<void> {
    await this.#start();
    for (let step = 0; step < STEPS; step += 1) {
      await this.#step();
      if (this.#chance(0.5)) await this.#world.elapse(this.#upTo(10));
      if (this.#chance(0.08)) {
        await this.#world.elapse(ENOUGH_MS);
        this.#checkNothingIsLeft();
      }
      expect(this.#violations).toEqual([]);
    }
    await this.#drain();
    await this.#world.end();
  }

  async #start(): Promise<void> {
    const settings = { queueWindowMessages: 16, pageMessages: 4, messageGroupOwnerWaitMs: 100 };
    const { hasPriorities = false, isSlow = false, isRedelivering = false } = this.#variety;
    const redeliveryPolicy = { initialRedeliveryDelay: DELAY_MS, maximumRedeliveries: -1 };
    const policy = { queue: '>', prioritizedMessages: hasPriorities };
    const policies = [{ ...policy, ...(isRedelivering && { redeliveryPolicy }) }];
    const options = { policies, ...(isSlow && { latencyMs: 3, readLatencyMs: 3, isLate: true }) };
    this.#brokers.push(await this.#world.broker(settings, options));
    this.#brokers.push(await this.#world.broker(settings, options));
    this.#connectProducers();
  }

  /** Under new names: message ids do not repeat. */
  #connectProducers(): void {
    this.#clientCount += 1;
    const names = ['one', 'other'].map((name) => `${name}${this.#clientCount}`);
    this.#producers = names.map((name) => this.#client(name));
  }

  async #step(): Promise<void> {
    const dice = this.#random.float();
    if (dice < 0.3) this.#send();
    else if (dice < 0.44) this.#join();
    else if (dice < 0.74) this.#ack();
    else if (dice < 0.8) this.#begin();
    else if (dice < 0.86) this.#endTransaction(this.#any(this.#holders));
    else if (dice < 0.9) this.#reject();
    else if (dice < 0.98) this.#leave();
    else await this.#takeOver();
  }

  /** Some messages in a row, most often of one group. */
  #send(): void {
    const producer = this.#upTo(1);
    const client = this.#producers[producer];
    const group = this.#any(GROUPS);
    const isPersistent = this.#chance(0.85);
    for (let count = 1 + this.#upTo(24); count > 0; count -= 1) {
      const color = this.#variety.hasSelectors === true ? this.#any(COLORS) : 'red';
      const priority = this.#variety.hasPriorities === true ? this.#any(PRIORITIES) : 4;
      const number = this.#sent.length;
      const line = `${isPersistent ? 'stored' : 'memory'} ${priority}`;
      const rest = { isDone: false, wasOut: false, holder: undefined, deliveryCount: 0 };
      this.#sent.push({ number, producer, group, color, line, isPersistent, ...rest });
      const properties = { color };
      const options = { isPersistent, priority, groupId: group, properties };
      client?.connection.send(client.message('A', `${number}`, options));
    }
  }

  #join(): void {
    if (this.#open.length === 4) return;
    const { hasSelectors = false, hasExclusive = false } = this.#variety;
    this.#clientCount += 1;
    this.#consume({
      name: `c${this.#clientCount}`,
      prefetchCount: 1 + this.#upTo(7),
      color: hasSelectors && this.#chance(0.6) ? this.#any(COLORS) : undefined,
      isExclusive: hasExclusive && this.#chance(0.3),
    });
  }

  #consume(of: Pick<Holder, 'name' | 'prefetchCount' | 'color' | 'isExclusive'>): Holder {
    const { name, prefetchCount, color, isExclusive } = of;
    const client = this.#client(name);
    const selector = color === undefined ? undefined : `color = '${color}'`;
    const consumer = client.consume('A', { prefetchCount: 0, selector, isExclusive });
    const state = { unacked: [], lastOf: new Map(), transaction: undefined, isOpen: true };
    const holder: Holder = { ...of, client, consumer, ...state };
    this.#holders.push(holder);
    consumer.onDelivery = (delivery) => {
      this.#got(delivery, holder);
    };
    consumer.subscription.setPrefetch(prefetchCount);
    return holder;
  }

  #ack(): void {
    const holder = this.#any(this.#open);
    const { transaction } = holder ?? {};
    for (let count = 1 + this.#upTo(6); holder !== undefined && count > 0; count -= 1) {
      const sent = holder.unacked.find((each) => transaction?.acked.has(each) !== true);
      if (sent === undefined) return;
      if (transaction === undefined) this.#done(holder, sent);
      else transaction.acked.add(sent);
      this.#ackOne(holder, sent, 'individual', transaction?.id);
    }
  }

  #ackOne(
    { consumer }: Holder,
    { number }: Sent,
    kind: 'individual' | 'poison',
    transactionId?: TransactionId,
  ): void {
    const delivery = consumer.deliveries.findLast(({ message }) => textOf(message) === `${number}`);
    consumer.subscription.ack(ackOf(delivery, delivery, { kind, transactionId }));
  }

  #begin(): void {
    const holder = this.#any(this.#open);
    if (holder === undefined || holder.transaction !== undefined) return;
    this.#transactionCount += 1;
    holder.transaction = { id: holder.client.begin(this.#transactionCount), acked: new Set() };
  }

  #endTransaction(holder: Holder | undefined): void {
    const { transaction } = holder ?? {};
    if (holder === undefined || transaction === undefined) return;
    holder.transaction = undefined;
    if (this.#chance(0.6)) {
      for (const sent of transaction.acked) this.#done(holder, sent);
      holder.client.connection.commitTransaction(transaction.id);
    } else {
      if (!holder.isOpen) for (const sent of transaction.acked) this.#isBack(holder, sent);
      holder.client.connection.rollbackTransaction(transaction.id);
    }
  }

  /** The broker redelivers it, after a while. */
  #reject(): void {
    const holder = this.#any(this.#open);
    const { transaction } = holder ?? {};
    if (this.#variety.isRedelivering !== true || holder === undefined) return;
    const sent = holder.unacked.find((each) => transaction?.acked.has(each) !== true);
    if (sent === undefined) return;
    this.#isBack(holder, sent);
    this.#ackOne(holder, sent, 'poison');
  }

  /** The consumer closes, and its transaction goes on; or its connection is lost. */
  #leave(): void {
    const holder = this.#any(this.#open);
    if (holder === undefined) return;
    holder.isOpen = false;
    const isCrash = this.#chance(0.4);
    const { acked = new Set() } = holder.transaction ?? {};
    for (const sent of [...holder.unacked]) {
      if (isCrash || !acked.has(sent)) this.#isBack(holder, sent);
    }
    if (isCrash) holder.transaction = undefined;
    if (isCrash) holder.client.connection.close(LAST_DELIVERED_UNKNOWN);
    else holder.consumer.subscription.close(LAST_DELIVERED_UNKNOWN);
  }

  /** What was answered is durable; of the consumers some come back. */
  async #takeOver(): Promise<void> {
    await this.#world.elapse(100);
    const before = this.#open;
    this.#holders = [];
    for (const sent of this.#sent) {
      if (!sent.isPersistent) sent.isDone = true;
      if (sent.holder !== undefined) sent.wasOut = true;
      sent.holder = undefined;
    }
    this.#world.space.depose();
    await this.#world.elapse(100);
    this.#brokers.reverse();
    this.#connectProducers();
    for (const holder of before) if (this.#chance(0.7)) this.#consume(holder);
  }

  #got(delivery: Delivery, holder: Holder): void {
    const sent = this.#sent[Number(textOf(delivery.message))];
    if (sent === undefined) return;
    const note = (isRight: boolean, rule: string): void => {
      if (!isRight) this.#violations.push(`${sent.number} (${String(sent.group)}) ${rule}`);
    };
    const { holder: other, group, line, deliveryCount } = sent;
    const isRedelivered = delivery.redeliveryCount > 0;
    note(!sent.isDone, 'came though it was consumed');
    note(other === undefined, 'came while somebody has it');
    note(holder.isOpen, 'came to a consumer that is closed');
    note(isRedelivered === deliveryCount > 0, `came as redelivered: ${isRedelivered}`);
    note(holder.color === undefined || holder.color === sent.color, 'came against the selector');
    const isExclusive = this.#open.some((each) => each.isExclusive);
    note(!isExclusive || holder.isExclusive, 'came past an exclusive consumer');
    if (group === undefined && !sent.wasOut) {
      const stream = `${sent.producer} ${line}`;
      const last = holder.lastOf.get(stream) ?? -1;
      note(sent.number > last, 'came after one that was sent later');
      holder.lastOf.set(stream, sent.number);
    }
    if (group !== undefined) {
      const all = this.#sent.filter((each) => each.group === group && !each.isDone);
      const isHeldBy = (each: Sent): boolean => each.holder === holder;
      const out = all.filter((each) => each.holder !== undefined);
      note(out.every(isHeldBy), 'came while another has messages of its group');
      const earlier = all.filter((each) => each.line === line && each.number < sent.number);
      const isInOrder = this.#variety.hasSelectors === true || earlier.every(isHeldBy);
      note(isInOrder, 'came before an earlier one of its group');
    }
    sent.holder = holder;
    holder.unacked.push(sent);
  }

  #checkNothingIsLeft(): void {
    const waiting = this.#sent.filter(({ isDone, holder }) => !isDone && holder === undefined);
    const withRoom = this.#served.filter((each) => each.unacked.length < each.prefetchCount);
    const mayHave = (sent: Sent): boolean =>
      withRoom.some(({ color }) => color === undefined || color === sent.color);
    const hasAllRoom = withRoom.length === this.#served.length;
    const isSettled = this.#holders.every(({ isOpen, transaction }) => {
      return isOpen || transaction === undefined;
    });
    const isOut = (group: string): boolean =>
      this.#sent.some((each) => each.group === group && each.holder !== undefined);
    const isFree = ({ group }: Sent): boolean => {
      if (group === undefined) return true;
      // What its owner does not want waits until it has nothing of the group.
      const hasOwner = this.#variety.hasSelectors === true && isOut(group);
      return hasAllRoom && isSettled && !hasOwner;
    };
    const left = waiting.filter((sent) => mayHave(sent) && isFree(sent));
    expect(left.map(({ number, group }) => `${number} (${String(group)})`)).toEqual([]);
  }

  async #drain(): Promise<void> {
    for (const holder of this.#holders) this.#endTransaction(holder);
    const last = { name: 'last', prefetchCount: 5, color: undefined };
    this.#consume({ ...last, isExclusive: this.#variety.hasExclusive === true });
    const isLeft = (): boolean => this.#sent.some(({ isDone }) => !isDone);
    for (let round = 0; isLeft() && round < 1000; round += 1) {
      await this.#world.elapse(DELAY_MS);
      for (const holder of this.#open) {
        for (const sent of [...holder.unacked]) {
          this.#done(holder, sent);
          this.#ackOne(holder, sent, 'individual');
        }
      }
      expect(this.#violations).toEqual([]);
    }
    await this.#world.elapse(ENOUGH_MS);
    expect(this.#sent.filter(({ isDone }) => !isDone).map(({ number }) => number)).toEqual([]);
    const [status] = this.#brokers[0]?.destinations() ?? [];
    expect(status?.messageCount ?? 0).toBe(0);
  }

  #done(holder: Holder, sent: Sent): void {
    sent.isDone = true;
    this.#out(holder, sent);
  }

  /** It goes back, counted as delivered. */
  #isBack(holder: Holder, sent: Sent): void {
    sent.wasOut = true;
    sent.deliveryCount += 1;
    this.#out(holder, sent);
  }

  #out(holder: Holder, sent: Sent): void {
    sent.holder = undefined;
    holder.unacked.splice(holder.unacked.indexOf(sent), 1);
  }

  get #open(): readonly Holder[] {
    return this.#holders.filter(({ isOpen }) => isOpen);
  }

  /** Those who may get anything: the exclusive one that was first, else everybody. */
  get #served(): readonly Holder[] {
    const exclusive = this.#open.find(({ isExclusive }) => isExclusive);
    return exclusive === undefined ? this.#open : [exclusive];
  }

  #client(name: string): TestClient {
    return new TestClient(this.#world, this.#brokers[0] as Broker, name);
  }

  #any<T>(from: readonly [T, ...T[]]): T;
  #any<T>(from: readonly T[]): T | undefined;
  #any<T>(from: readonly T[]): T | undefined {
    return from[this.#upTo(from.length - 1)];
  }

  #upTo(max: number): number {
    return Math.floor(this.#random.float() * (max + 1));
  }

  #chance(probability: number): boolean {
    return this.#random.float() < probability;
  }
}

describe.each([
  ['plain', {}],
  ['on a slow disk', { isSlow: true }],
  ['with selectors', { hasSelectors: true, isSlow: true }],
  ['with priorities', { hasPriorities: true }],
  ['with exclusive consumers', { hasExclusive: true }],
  ['with redelivery by the broker', { isRedelivering: true, isSlow: true }],
  [
    'with selectors, priorities and redelivery',
    { hasSelectors: true, hasPriorities: true, isRedelivering: true },
  ],
] satisfies [string, Variety][])('a random run with groups, %s,', (_, variety) => {
  test.each(Array.from({ length: 40 }, (_each, seed) => seed))(
    '(seed %i) loses nothing, keeps groups together and in order, and leaves nobody waiting',
    async (seed) => {
      await new Run(seed, variety).play();
    },
  );
});
