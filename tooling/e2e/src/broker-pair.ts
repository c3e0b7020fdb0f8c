import { freePorts, startBatonMq, type BatonMq, type ProcessExit } from '@batonmq/services';

export type BrokerPairOptions = (InDirectory | InStore) & {
  /** A file with further settings, for both. @defaultValue none */
  readonly config?: string;
};

interface InDirectory {
  readonly directory: string;
  /** Query of the store's URI. */
  readonly storeQuery?: string;
}

interface InStore {
  /** Its URI. */
  readonly store: string;
}

/** Two brokers on one store; which of them is active changes. */
export class BrokerPair implements AsyncDisposable {
  readonly #options: BrokerPairOptions;
  readonly #ports: readonly number[];
  #active: BatonMq;
  #standby: BatonMq;

  private constructor(
    options: BrokerPairOptions,
    ports: readonly number[],
    active: BatonMq,
    standby: BatonMq,
  ) {
    this.#options = options;
    this.#ports = ports;
    this.#active = active;
    this.#standby = standby;
  }

  static async start(options: BrokerPairOptions): Promise<BrokerPair> {
    const ports = await freePorts(2);
    const active = await startOne(options, ports[0]);
    await active.becomes('active');
    const standby = await startOne(options, ports[1]);
    await standby.becomes('standby');
    return new BrokerPair(options, ports, active, standby);
  }

  /** What clients connect to. */
  get uri(): string {
    return `failover:(${this.#ports.map((port) => `tcp://127.0.0.1:${port}`).join(',')})`;
  }

  get active(): BatonMq {
    return this.#active;
  }

  get standby(): BatonMq {
    return this.#standby;
  }

  /** Kills the active broker; the other one takes its place in this object. */
  killActive(): Promise<ProcessExit> {
    const killed = this.#active;
    this.swap();
    return killed.kill();
  }

  /** Says that the standby has taken over, or is about to. */
  swap(): void {
    [this.#active, this.#standby] = [this.#standby, this.#active];
  }

  /** Starts the broker anew that was killed, and waits until it stands in line. */
  async restartStandby(): Promise<void> {
    this.#standby = await startOne(this.#options, this.#standby.port);
    await this.#standby.becomes('standby');
  }

  /** The active broker has ended: starts it anew, with nobody to take over. */
  async restartActive(): Promise<void> {
    this.#active = await startOne(this.#options, this.#active.port);
    await this.#active.becomes('active');
  }

  /** Resolves when the standby has read all that was written before it came. */
  async standbyIsWarm(): Promise<void> {
    await this.#standby.process.line(/"event":"standby-warm"/);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([this.#active.kill(), this.#standby.kill()]);
  }
}

function startOne(options: BrokerPairOptions, port: number | undefined): Promise<BatonMq> {
  const { config } = options;
  return startBatonMq({
    name: `broker-${port ?? 0}`,
    store: 'store' in options ? options.store : storeIn(options),
    ...(port !== undefined && { port }),
    ...(config !== undefined && { config }),
  });
}

function storeIn({ directory, storeQuery }: InDirectory): string {
  return `file:${directory}${storeQuery === undefined ? '' : `?${storeQuery}`}`;
}
