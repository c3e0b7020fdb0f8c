/**
 * Producers and consumers that keep working while brokers die, and write into a ledger what they were
 * told. For each way to acknowledge there is a queue with one consumer, so that order can be
 * checked, and one producer of each kind.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { connect, type Connection, type Consumer, type Session } from '@batonmq/client';
import { isBrokerError } from '@batonmq/model';
import { Ledger, type MessageName } from './ledger.ts';

/** How consumers acknowledge; each has a queue of its own name. */
const ACK_MODES = ['auto', 'dups-ok', 'client', 'individual', 'transacted'] as const;
type AckMode = (typeof ACK_MODES)[number];

/** How producers send: one by one, in transactions, many at once. */
const PRODUCER_KINDS = ['persistent', 'transacted', 'batch'] as const;
type ProducerKind = (typeof PRODUCER_KINDS)[number];

const TRANSACTION_SIZE = 5;
const BATCH_SIZE = 10;
/** Between two rounds of a producer: the run is about crashes, not about speed. */
const PAUSE_MS = 5;
const BODY_BYTES = 256;
/** How long a consumer waits before it looks whether the run is over. */
const RECEIVE_MS = 100;
/** Without any receipt for so long, what is missing is lost. */
const SILENCE_MS = 15_000;

export class Workload implements AsyncDisposable {
  readonly ledger = new Ledger();
  readonly #connections: Connection[] = [];
  readonly #working: Promise<void>[] = [];
  readonly #producing: Promise<void>[] = [];
  readonly #failures: unknown[] = [];
  #isProducing = true;
  #isConsuming = true;
  #lastReceiptAt = performance.now();

  /** Begins to work at `uri`. */
  static async start(uri: string): Promise<Workload> {
    const workload = new Workload();
    for (const mode of ACK_MODES) {
      await workload.#startConsumer(uri, mode);
      for (const kind of PRODUCER_KINDS) await workload.#startProducer(uri, mode, kind);
    }
    return workload;
  }

  /** Ends sending, waits until everything answered has arrived or nothing comes any more, ends. */
  async finish(): Promise<Ledger> {
    this.#isProducing = false;
    await Promise.all(this.#producing);
    this.#lastReceiptAt = performance.now();
    const isQuiet = (): boolean => performance.now() - this.#lastReceiptAt > SILENCE_MS;
    while (this.ledger.missingCount > 0 && !isQuiet()) await delay(RECEIVE_MS);
    this.#isConsuming = false;
    await Promise.all(this.#working);
    if (this.#failures.length > 0) {
      throw new AggregateError(this.#failures, this.#failures.map(String).join('\n'));
    }
    return this.ledger;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isProducing = this.#isConsuming = false;
    await Promise.allSettled(this.#connections.map((connection) => connection.close()));
  }

  async #connect(uri: string): Promise<Connection> {
    const connection = await connect(uri);
    this.#connections.push(connection);
    return connection;
  }

  #run(work: () => Promise<void>): Promise<void> {
    const done = work().catch((error: unknown) => void this.#failures.push(error));
    this.#working.push(done);
    return done;
  }

  // Producers

  async #startProducer(uri: string, mode: AckMode, kind: ProducerKind): Promise<void> {
    const connection = await this.#connect(uri);
    const session = await connection.createSession({ isTransacted: kind === 'transacted' });
    const producer = await session.createProducer(`queue://kill.${mode}`);
    const send = (name: MessageName): Promise<unknown> => producer.send(bodyOf(name));
    const stream = new Stream(mode, kind);
    const round = {
      persistent: () => this.#sendTogether(stream.next(1), send),
      batch: () => this.#sendTogether(stream.next(BATCH_SIZE), send),
      transacted: () => this.#sendTransaction(stream.next(TRANSACTION_SIZE), send, session),
    }[kind];
    const work = async (): Promise<void> => {
      while (this.#isProducing) {
        await round();
        await delay(PAUSE_MS);
      }
    };
    this.#producing.push(this.#run(work));
  }

  async #sendTogether(
    names: readonly MessageName[],
    send: (name: MessageName) => Promise<unknown>,
  ): Promise<void> {
    const answers = names.map(async (name) => {
      this.ledger.sent(name);
      await send(name);
      this.ledger.answered(name);
    });
    await Promise.all(answers);
  }

  async #sendTransaction(
    names: readonly MessageName[],
    send: (name: MessageName) => Promise<unknown>,
    session: Session,
  ): Promise<void> {
    for (const name of names) {
      this.ledger.sent(name, `${name.queue}/${name.producer}/${names[0]?.count ?? 0}`);
      await send(name);
    }
    try {
      await session.commit();
      for (const name of names) this.ledger.answered(name);
    } catch (error) {
      if (!isRolledBack(error)) throw error;
      for (const name of names) this.ledger.rolledBack(name);
    }
  }

  // Consumers

  async #startConsumer(uri: string, mode: AckMode): Promise<void> {
    const connection = await this.#connect(uri);
    const session = await connection.createSession(
      mode === 'transacted' ? { isTransacted: true } : { acknowledge: mode },
    );
    const consumer = await session.createConsumer(`queue://kill.${mode}`);
    void this.#run(async () => {
      while (this.#isConsuming) await this.#consumeOne(consumer, session, mode);
    });
  }

  async #consumeOne(consumer: Consumer, session: Session, mode: AckMode): Promise<void> {
    const message = await consumer.receive({ timeoutMs: RECEIVE_MS });
    if (message === undefined) return;
    this.#lastReceiptAt = performance.now();
    const name = nameOf(`kill.${mode}`, message.text ?? '');
    this.ledger.received(name);
    try {
      if (mode === 'transacted') await session.commit();
      else if (mode === 'client' || mode === 'individual') await message.acknowledge();
      else return;
      this.ledger.acked(name);
    } catch (error) {
      // The broker died with the delivery: the message comes again.
      if (!isRolledBack(error) && !isStale(error)) throw error;
    }
  }
}

/** Hands out the names of one producer's messages. */
class Stream {
  readonly #queue: string;
  readonly #producer: string;
  #count = 0;

  constructor(mode: AckMode, kind: ProducerKind) {
    this.#queue = `kill.${mode}`;
    this.#producer = kind;
  }

  next(howMany: number): MessageName[] {
    return Array.from({ length: howMany }, () => ({
      queue: this.#queue,
      producer: this.#producer,
      count: (this.#count += 1),
    }));
  }
}

function bodyOf({ producer, count }: MessageName): string {
  return `${producer} ${count} `.padEnd(BODY_BYTES, '.');
}

function nameOf(queue: string, body: string): MessageName {
  const [producer = '', count = ''] = body.split(' ');
  return { queue, producer, count: Number(count) };
}

function isRolledBack(error: unknown): boolean {
  return isBrokerError(error) && error.code === 'BATON_TRANSACTION_ROLLED_BACK';
}

function isStale(error: unknown): boolean {
  return isBrokerError(error) && error.code === 'BATON_UNMATCHED_ACK';
}
