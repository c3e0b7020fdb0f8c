import { simRandom } from '@batonmq/runtime/sim';
import { describe, expect, test } from 'vitest';
import { LAST_DELIVERED_UNKNOWN, type Broker } from '../src/index.ts';
import { ackOf, TestClient, TestWorld, textOf, type TestConsumer } from './test-client.ts';
import type { Delivery } from '../src/index.ts';
import type { TransactionId } from '@batonmq/model';

// A random run against what a correct broker must never do. Each message has a text of its own,
// `<producer>:<count>:<s|m>` (stored or in memory only). Checked as it happens:
//
// 1. A consumer never gets a message again while it lives.
// 2. A message that is with nobody else's consumer comes with the count of its deliveries that ended
//    in a closed consumer; it is never with two consumers at once.
// 3. Nothing comes that was not sent and, in a transaction, not committed; nothing that was acked.
// 4. Per producer, consumer and (where priorities count) message priority, first deliveries come in
//    the order they became visible in.
// 5. A consumer gets what its selector matches, and nothing that matches waits while it has room.
//
// And at the end, all that was answered and not acked is there.

const STEPS = 400;

/** What a run has beside plain messages and consumers. */
interface Variety {
  readonly hasSelectors: boolean;
  readonly hasPriorities: boolean;
  /** The disk takes time: pages show what was removed meanwhile. */
  readonly isSlow?: boolean;
}

const COLORS = ['red', 'green', 'blue'] as const;
const PRIORITIES = [0, 4, 9] as const;

/** Selectors and what they mean. */
const SELECTORS: readonly (readonly [string | undefined, (sent: Sent) => boolean])[] = [
  [undefined, () => true],
  ["color = 'red'", ({ color }) => color === 'red'],
  ["color = 'green'", ({ color }) => color === 'green'],
  ["color IN ('red', 'blue')", ({ color }) => color !== 'green'],
  ['JMSPriority > 3', ({ priority }) => priority > 3],
  ["color = 'none'", () => false],
];

interface Sent {
  readonly text: string;
  readonly color: string;
  readonly priority: number;
  state: 'open' | 'ready' | 'acked' | 'dropped';
  holder: Holder | undefined;
  deliveryCount: number;
  /** When it became visible: in a transaction, at its commit. */
  order: number;
  ackedIn: OpenTransaction | undefined;
  /** In a transaction that was rolled back, and its holder still has it. */
  wasAcked: boolean;
}

interface Holder {
  readonly consumer: TestConsumer;
  readonly seen: Set<string>;
  readonly lastOf: Map<string, number>;
  readonly prefetchCount: number;
  readonly matches: (sent: Sent) => boolean;
  isOpen: boolean;
}

interface OpenTransaction {
  readonly id: TransactionId;
  readonly sent: Sent[];
  readonly acked: Sent[];
}

class Run {
  readonly world = new TestWorld();
  readonly #random;
  readonly #sent = new Map<string, Sent>();
  #broker: Broker | undefined;
  #standby: Broker | undefined;
  #client: TestClient | undefined;
  #holders: Holder[] = [];
  #transactions: OpenTransaction[] = [];
  readonly #violations: string[] = [];
  #number = 0;
  #clientNumber = 0;

  readonly #variety: Variety;

  constructor(seed: number, variety: Variety) {
    this.#random = simRandom(seed);
    this.#variety = variety;
  }

  async play(): Promise<void> {
    const settings = { queueWindowMessages: 16, pageMessages: 4 };
    const { hasPriorities, isSlow = false } = this.#variety;
    const policies = [{ queue: '>', prioritizedMessages: hasPriorities }];
    const options = { policies, ...(isSlow && { latencyMs: 3, readLatencyMs: 3 }) };
    this.#broker = await this.world.broker(settings, options);
    this.#standby = await this.world.broker(settings, options);
    this.#connect();
    for (let step = 0; step < STEPS; step += 1) {
      await this.#step();
      if (this.#random.float() < 0.2) {
        // Now and then there is time for everything.
        await this.world.elapse(this.#variety.isSlow === true ? 5 : 20);
        if (this.#random.float() < 0.5) continue;
        await this.world.elapse(this.#variety.isSlow === true ? 2000 : 20);
        this.#checkNothingIsLeft();
      }
      expect(this.#violations).toEqual([]);
    }
    await this.#drain();
    await this.world.end();
  }

  async #step(): Promise<void> {
    const dice = this.#random.float();
    if (dice < 0.4) this.#send(undefined);
    else if (dice < 0.5) this.#send(this.#any(this.#transactions));
    else if (dice < 0.55) this.#begin();
    else if (dice < 0.75) this.#ack(undefined);
    else if (dice < 0.85) this.#ack(this.#any(this.#transactions));
    else if (dice < 0.89) await this.#endTransaction();
    else if (dice < 0.94) this.#consume();
    else if (dice < 0.98) this.#closeConsumer();
    else if (dice < 0.99) this.#reconnect();
    else await this.#takeover();
  }

  #connect(): void {
    this.#clientNumber += 1;
    const broker = this.#broker as Broker;
    this.#client = new TestClient(this.world, broker, `c${this.#clientNumber}`);
  }

  #send(transaction: OpenTransaction | undefined): void {
    this.#number += 1;
    const isPersistent = this.#random.float() < 0.7;
    const text = `c${this.#clientNumber}:${this.#number}:${isPersistent ? 's' : 'm'}`;
    const { hasSelectors, hasPriorities } = this.#variety;
    const color = (hasSelectors ? this.#any(COLORS) : undefined) ?? 'red';
    const priority = (hasSelectors || hasPriorities ? this.#any(PRIORITIES) : undefined) ?? 4;
    const sent: Sent = {
      text,
      color,
      priority,
      state: transaction === undefined ? 'ready' : 'open',
      holder: undefined,
      deliveryCount: 0,
      order: this.#number,
      ackedIn: undefined,
      wasAcked: false,
    };
    this.#sent.set(text, sent);
    transaction?.sent.push(sent);
    const options = transaction === undefined ? {} : { transactionId: transaction.id };
    const client = this.#client as TestClient;
    const kind = { isPersistent, priority, properties: { color } };
    client.connection.send(client.message('A', text, { ...kind, ...options }));
  }

  #begin(): void {
    this.#number += 1;
    const id = (this.#client as TestClient).begin(this.#number);
    this.#transactions.push({ id, sent: [], acked: [] });
  }

  #ack(transaction: OpenTransaction | undefined): void {
    const holder = this.#any(this.#holders.filter(({ isOpen }) => isOpen));
    if (holder === undefined) return;
    const unacked = holder.consumer.deliveries.filter((delivery) => this.#isHeld(delivery, holder));
    if (unacked.length === 0) return;
    // A range from the head, as most clients ack.
    const count = 1 + Math.floor(this.#random.float() * Math.min(5, unacked.length));
    const range = unacked.slice(0, count);
    for (const delivery of range) {
      const sent = this.#sentOf(delivery);
      if (transaction === undefined) {
        sent.state = 'acked';
        sent.holder = undefined;
      } else {
        sent.ackedIn = transaction;
        transaction.acked.push(sent);
      }
    }
    const id = transaction === undefined ? {} : { transactionId: transaction.id };
    const rest = { messageCount: range.length, ...id };
    holder.consumer.subscription.ack(ackOf(undefined, range.at(-1), rest));
  }

  async #endTransaction(): Promise<void> {
    const transaction = this.#any(this.#transactions);
    if (transaction === undefined) return;
    this.#transactions = this.#transactions.filter((other) => other !== transaction);
    if (this.#random.float() < 0.6) {
      for (const sent of transaction.sent) {
        this.#number += 1;
        sent.state = 'ready';
        sent.order = this.#number;
      }
      for (const sent of transaction.acked) {
        sent.state = 'acked';
        sent.holder = undefined;
      }
      await (this.#client as TestClient).commit(transaction.id);
    } else {
      this.#undo(transaction);
      await (this.#client as TestClient).rollback(transaction.id);
    }
  }

  /** What a rollback means: acked messages stay with their consumer, or go back if it is gone. */
  #undo(transaction: OpenTransaction): void {
    for (const sent of transaction.sent) sent.state = 'dropped';
    for (const sent of transaction.acked) {
      sent.ackedIn = undefined;
      sent.wasAcked = true;
      if (sent.holder?.isOpen === false) {
        sent.holder = undefined;
        sent.deliveryCount += 1;
      }
    }
  }

  #consume(): void {
    if (this.#holders.filter(({ isOpen }) => isOpen).length >= 5) return;
    const prefetchCount = 1 + Math.floor(this.#random.float() * 8);
    const any = this.#variety.hasSelectors ? this.#any(SELECTORS) : undefined;
    const [selector, matches] = any ?? [undefined, () => true];
    const consumer = (this.#client as TestClient).consume('A', { prefetchCount, selector });
    const of = { consumer, prefetchCount, matches };
    const holder: Holder = { ...of, seen: new Set(), lastOf: new Map(), isOpen: true };
    this.#holders.push(holder);
    consumer.onDelivery = (delivery) => {
      this.#check(delivery, holder);
    };
  }

  #closeConsumer(): void {
    const holder = this.#any(this.#holders.filter(({ isOpen }) => isOpen));
    if (holder === undefined) return;
    this.#giveBack(holder);
    holder.consumer.subscription.close(LAST_DELIVERED_UNKNOWN);
  }

  /** It is lost: what it acked was seen, and perhaps the next one; the rest is marked. */
  #giveBack(holder: Holder): void {
    holder.isOpen = false;
    let isNext = true;
    for (const sent of this.#heldBy(holder)) {
      if (sent.ackedIn !== undefined) continue;
      sent.holder = undefined;
      if (sent.wasAcked || isNext) sent.deliveryCount += 1;
      else sent.deliveryCount = Math.max(1, sent.deliveryCount);
      if (!sent.wasAcked) isNext = false;
    }
  }

  /** In the order in which it got them. */
  #heldBy(holder: Holder): readonly Sent[] {
    return holder.consumer.deliveries
      .map((delivery) => this.#sentOf(delivery))
      .filter((sent) => sent.holder === holder);
  }

  #reconnect(): void {
    this.#dropTransactions();
    for (const holder of this.#holders) if (holder.isOpen) this.#giveBack(holder);
    this.#client?.connection.close(LAST_DELIVERED_UNKNOWN);
    this.#connect();
  }

  async #takeover(): Promise<void> {
    await this.world.elapse();
    for (const { sent } of this.#transactions) for (const each of sent) each.state = 'dropped';
    this.#transactions = [];
    for (const holder of this.#holders) holder.isOpen = false;
    for (const sent of this.#sent.values()) {
      // A broker that dies takes with it who had what, and all that was in memory only.
      sent.holder = undefined;
      sent.ackedIn = undefined;
      if (sent.text.endsWith('m') && sent.state === 'ready') sent.state = 'dropped';
    }
    this.world.space.depose();
    await this.world.elapse();
    [this.#broker, this.#standby] = [this.#standby, this.#broker];
    this.#connect();
  }

  #dropTransactions(): void {
    for (const transaction of this.#transactions) this.#undo(transaction);
    this.#transactions = [];
  }

  /** A sink must not throw, so what is wrong is noted and reported between two steps. */
  #check(delivery: Delivery, holder: Holder): void {
    const sent = this.#sentOf(delivery);
    const note = (isRight: boolean, rule: string): void => {
      if (!isRight) this.#violations.push(`${sent.text} ${rule}`);
    };
    note(sent.state === 'ready', `came though it is ${sent.state}`);
    note(!holder.seen.has(sent.text), 'came to the same consumer again');
    note(sent.holder === undefined, 'came while another consumer has it');
    note(holder.matches(sent), 'came though the selector does not match it');
    note(
      delivery.redeliveryCount === sent.deliveryCount,
      `came with count ${delivery.redeliveryCount} instead of ${sent.deliveryCount}`,
    );
    holder.seen.add(sent.text);
    sent.holder = holder;
    sent.wasAcked = false;
    if (sent.deliveryCount > 0) return;
    const [producer, , kind] = sent.text.split(':');
    // The two delivery modes may pass each other.
    const lane = this.#variety.hasPriorities ? sent.priority : 4;
    const stream = `${String(producer)}:${String(kind)}:${lane}`;
    const last = holder.lastOf.get(stream) ?? 0;
    note(sent.order > last, 'came after one that was sent later');
    holder.lastOf.set(stream, sent.order);
  }

  /** Nothing that somebody with room may have waits, and what nobody may have is counted. */
  #checkNothingIsLeft(): void {
    const open = this.#holders.filter(({ isOpen }) => isOpen);
    const all = [...this.#sent.values()];
    const withRoom = open.filter(
      (holder) => all.filter((sent) => sent.holder === holder).length < holder.prefetchCount,
    );
    const waiting = all.filter(({ state, holder }) => state === 'ready' && holder === undefined);
    const left = waiting.filter((sent) => withRoom.some(({ matches }) => matches(sent)));
    expect(left.map(({ text }) => text)).toEqual([]);
    const status = (this.#broker as Broker).destinations()[0];
    if (status === undefined) return;
    const held = all.filter(({ state, holder }) => state === 'ready' && holder !== undefined);
    expect(status.messageCount).toBe(waiting.length + held.length);
    if (open.length === 0 || withRoom.length < open.length) return;
    expect(status.unmatchedCount).toBe(waiting.length);
  }

  /** Everything that is left reaches one last consumer. */
  async #drain(): Promise<void> {
    this.#reconnect();
    await this.world.elapse();
    const consumer = (this.#client as TestClient).consume('A').ackAtOnce();
    await this.world.elapse(2000);
    expect(this.#violations).toEqual([]);
    const wanted = [...this.#sent.values()].filter(({ state }) => state === 'ready');
    expect([...consumer.texts].sort()).toEqual(wanted.map(({ text }) => text).sort());
    expect((this.#broker as Broker).destinations()[0]?.messageCount ?? 0).toBe(0);
  }

  #isHeld(delivery: Delivery, holder: Holder): boolean {
    const sent = this.#sentOf(delivery);
    return sent.state === 'ready' && sent.holder === holder && sent.ackedIn === undefined;
  }

  #sentOf({ message }: Delivery): Sent {
    const sent = this.#sent.get(textOf(message));
    if (sent === undefined) throw new Error(`${textOf(message)} was never sent`);
    return sent;
  }

  #any<T>(from: readonly T[]): T | undefined {
    return from[Math.floor(this.#random.float() * from.length)];
  }
}

describe.each([
  ['plain', { hasSelectors: false, hasPriorities: false }],
  ['with selectors', { hasSelectors: true, hasPriorities: false }],
  ['with priorities', { hasSelectors: false, hasPriorities: true }],
  ['with selectors on a slow disk', { hasSelectors: true, hasPriorities: false, isSlow: true }],
  ['with selectors and priorities', { hasSelectors: true, hasPriorities: true }],
] satisfies [string, Variety][])('a random run, %s,', (_, variety) => {
  test.each(Array.from({ length: 60 }, (_each, seed) => seed))(
    '(seed %i) loses nothing, repeats nothing and keeps the order',
    async (seed) => {
      await new Run(seed, variety).play();
    },
  );
});
