import { connect, type Connection } from '@batonmq/client';

/** From the death of a broker to the first durable send and the first receive through the next one, milliseconds. */
export interface TakeoverTime {
  readonly sendMs: number;
  readonly receiveMs: number;
}

interface Watch {
  readonly startedAt: number;
  sendMs: number | undefined;
  receiveMs: number | undefined;
  readonly done: (time: TakeoverTime) => void;
}

/**
 * One producer that waits for each answer and one consumer, on connections of their own, that never pause.
 * What counts is the first answer, and the first message, after the client says that it has resumed.
 */
export class TakeoverProbe implements AsyncDisposable {
  readonly #connections: readonly Connection[];
  readonly #ending = new AbortController();
  #watch: Watch | undefined;
  #hasSenderResumed = false;
  #hasReceiverResumed = false;
  #failure: unknown;

  private constructor(connections: readonly [Connection, Connection]) {
    this.#connections = connections;
    const [sender, receiver] = connections;
    sender.on('resumed', () => (this.#hasSenderResumed = true));
    receiver.on('resumed', () => (this.#hasReceiverResumed = true));
    for (const work of [this.#send(sender), this.#receive(receiver)]) {
      work.catch((error: unknown) => {
        if (!this.#ending.signal.aborted) this.#failure = error;
      });
    }
  }

  static async start(uri: string): Promise<TakeoverProbe> {
    return new TakeoverProbe([await connect(uri), await connect(uri)]);
  }

  /**
   * Call when the broker is killed; resolves when the next one has served both. With `isSameBroker`, call when its
   * store is away; resolves when it has served both again.
   */
  measure({ timeoutMs = 60_000, isSameBroker = false } = {}): Promise<TakeoverTime> {
    this.#hasSenderResumed = this.#hasReceiverResumed = isSameBroker;
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        const seen = JSON.stringify({ ...this.#watch, failure: String(this.#failure) });
        reject(new Error(`The takeover is not over after ${timeoutMs} ms: ${seen}`));
      }, timeoutMs);
      const done = (time: TakeoverTime): void => {
        clearTimeout(timer);
        this.#watch = undefined;
        resolve(time);
      };
      this.#watch = { startedAt: performance.now(), sendMs: undefined, receiveMs: undefined, done };
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#ending.abort();
    await Promise.allSettled(this.#connections.map((connection) => connection.close()));
  }

  async #send(connection: Connection): Promise<void> {
    const session = await connection.createSession();
    const producer = await session.createProducer('queue://kill.probe');
    while (!this.#ending.signal.aborted) {
      await producer.send('probe', { signal: this.#ending.signal });
      const watch = this.#watch;
      if (watch === undefined || !this.#hasSenderResumed) continue;
      watch.sendMs ??= performance.now() - watch.startedAt;
      this.#look(watch);
    }
  }

  async #receive(connection: Connection): Promise<void> {
    const session = await connection.createSession();
    const consumer = await session.createConsumer('queue://kill.probe');
    for await (const message of consumer.messages({ signal: this.#ending.signal })) {
      const watch = this.#watch;
      if (watch === undefined || !this.#hasReceiverResumed || message.isStale) continue;
      watch.receiveMs ??= performance.now() - watch.startedAt;
      this.#look(watch);
    }
  }

  #look({ sendMs, receiveMs, done }: Watch): void {
    if (sendMs !== undefined && receiveMs !== undefined) done({ sendMs, receiveMs });
  }
}

/** `min 120, median 150, max 400 ms` of the later of both. */
export function summary(times: readonly TakeoverTime[]): string {
  const both = times
    .map(({ sendMs, receiveMs }) => Math.max(sendMs, receiveMs))
    .sort((a, b) => a - b);
  const at = (share: number): string =>
    (both[Math.floor((both.length - 1) * share)] ?? 0).toFixed(0);
  return `min ${at(0)}, median ${at(0.5)}, max ${at(1)} ms`;
}
