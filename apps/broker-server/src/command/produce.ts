import { setTimeout as delay } from 'node:timers/promises';
import { Command } from 'commander';
import { connect, type Producer, type SendOptions, type Session } from '@batonmq/client';
import { BrokerError } from '@batonmq/model';
import { Progress } from '../terminal/progress.ts';
import { formatCount } from '../terminal/units.ts';
import { interruption, wholeNumber, withClientFlags, type ClientFlags } from './client-flags.ts';
import { loginFromEnvironment } from './login.ts';

interface ProduceFlags extends ClientFlags {
  readonly count: number;
  readonly rate: number;
  readonly size: number;
  readonly body?: string;
  readonly delay?: number;
  readonly transacted: number;
  readonly persistent: boolean;
}

/** `batonmq produce`. */
export function produceCommand(): Command {
  const command = new Command('produce').description('send messages');
  return withClientFlags(command)
    .option('--count <n>', 'how many', wholeNumber(1), 10)
    .option('--rate <n>', 'messages a second; 0 is as fast as it goes', wholeNumber(0), 0)
    .option('--size <bytes>', 'length of each body', wholeNumber(0), 100)
    .option('--body <text>', 'send this text instead')
    .option('--delay <ms>', 'let the broker deliver them so much later', wholeNumber(0))
    .option('--transacted <n>', 'messages in a transaction; 0 is without', wholeNumber(0), 0)
    .option('--no-persistent', 'send messages that a crash may take')
    .action(produce);
}

async function produce(flags: ProduceFlags): Promise<void> {
  const signal = interruption();
  await using connection = await connect(flags.url, { signal, ...loginFromEnvironment() });
  await using session = await connection.createSession({ isTransacted: flags.transacted > 0 });
  const producer = await session.createProducer(flags.destination, {
    isPersistent: flags.persistent,
    ...(flags.delay !== undefined && { schedule: { delayMs: flags.delay } }),
  });
  const run = new Run(flags, signal);
  try {
    if (flags.transacted > 0) await run.inTransactions(session, producer);
    else await run.oneByOne(producer);
  } finally {
    run.report();
  }
}

/** The sends of one call of the program. */
class Run {
  readonly #flags: ProduceFlags;
  readonly #signal: AbortSignal;
  readonly #progress = new Progress();
  readonly #startedAt = performance.now();
  #drawn = 0;
  #answered = 0;

  constructor(flags: ProduceFlags, signal: AbortSignal) {
    this.#flags = flags;
    this.#signal = signal;
  }

  /** As many unanswered sends as the client allows; each answer is waited for before the end. */
  async oneByOne(producer: Producer): Promise<void> {
    const options: SendOptions = { signal: this.#signal };
    await producer.sendAll(this.#bodies(this.#flags.count), options);
    this.#answered = this.#drawn;
  }

  async inTransactions(session: Session, producer: Producer): Promise<void> {
    while (this.#answered < this.#flags.count) {
      const size = Math.min(this.#flags.transacted, this.#flags.count - this.#answered);
      await producer.sendAll(this.#bodies(size));
      await session.commit({ signal: this.#signal });
      this.#answered += size;
    }
  }

  report(): void {
    this.#progress.end();
    const seconds = (performance.now() - this.#startedAt) / 1000;
    const rate = Math.round(this.#answered / seconds).toLocaleString('en');
    const sent = formatCount(this.#answered, 'message');
    process.stdout.write(`${sent} stored in ${seconds.toFixed(2)} s, ${rate} a second\n`);
  }

  async *#bodies(count: number): AsyncGenerator<string> {
    for (let index = 0; index < count; index += 1) {
      if (this.#signal.aborted) throw new BrokerError('BATON_ABORTED', 'Interrupted');
      await this.#pace();
      this.#drawn += 1;
      this.#progress.show(
        () =>
          `${formatCount(this.#drawn, 'message')} of ${formatCount(this.#flags.count, 'message')}`,
      );
      yield this.#body(this.#drawn);
    }
  }

  #body(count: number): string {
    return this.#flags.body ?? `message ${count} `.padEnd(this.#flags.size, '.');
  }

  /** Waits until the next message is due at the rate. */
  async #pace(): Promise<void> {
    if (this.#flags.rate === 0) return;
    const dueAt = this.#startedAt + (this.#drawn * 1000) / this.#flags.rate;
    const early = dueAt - performance.now();
    if (early > 0) await delay(early);
  }
}
