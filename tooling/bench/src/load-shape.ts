/**
 * What a generator does. All generators, java/Load.java, load.ts and c/load.c, take it as `key=value`
 * arguments and mean the same by it.
 */
export interface LoadShape {
  /**
   * `load`: a warm-up, then the measured sends and receipts. `drain`: waits for `go`, then takes
   * `count` messages from a broker that is just starting. `idle`: connections that do nothing,
   * until `go`.
   */
  readonly mode: 'load' | 'drain' | 'idle';
  /** `nats://` is NATS; otherwise the only protocol of the generator is meant. */
  readonly uri: string;
  /** Name of the queue or topic. @defaultValue `bench` */
  readonly destination?: string;
  readonly topic?: boolean;
  /** @defaultValue true */
  readonly persistent?: boolean;
  /** Each with a connection of its own, and a thread in Java. @defaultValue 1 */
  readonly producers?: number;
  /** Each with a connection of its own; one acknowledgement per message. @defaultValue 0 */
  readonly consumers?: number;
  /** Sends of a producer whose receipts may be missing. @defaultValue 1: it waits for each */
  readonly window?: number;
  /** Messages per local transaction, of producers and of consumers. @defaultValue 0: none */
  readonly transaction?: number;
  /** Messages per second of each producer. @defaultValue 0: as many as it can */
  readonly rate?: number;
  /** Bytes of a body, at least 8. */
  readonly size: number;
  /** Time of sending before the measurement. @defaultValue 0 */
  readonly warmUpSeconds?: number;
  /** Time of sending, unless there is a `count`. */
  readonly seconds?: number;
  /** Messages, whatever time they take. */
  readonly count?: number;
  /** For `idle`. */
  readonly connections?: number;
}

/** Milliseconds. */
export interface Latency {
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
}

/** What a generator says when it is done. */
export interface LoadResult {
  readonly event: 'result';
  readonly sent: number;
  /** By all consumers together. */
  readonly received: number;
  /** From the first send until the last message is received, or answered if nobody receives. */
  readonly seconds: number;
  /** From the send, or when it was due, to the receipt; of a transaction, from begin to commit. */
  readonly receiptMs?: Latency | null;
  /** From the send, or when it was due, to the consumer. */
  readonly deliveryMs?: Latency | null;
  /** Of `drain`: when the first message came. */
  readonly firstWallMs?: number;
}

export function shapeArguments(shape: LoadShape): string[] {
  return Object.entries(shape).map(([key, value]) => `${key}=${String(value)}`);
}

/** The other way round, for a generator in this language. */
export function parseShape(args: readonly string[]): LoadShape {
  const entries = args.map((arg) => {
    const at = arg.indexOf('=');
    return [arg.slice(0, at), valueOf(arg.slice(at + 1))] as const;
  });
  // The only caller is shapeArguments, in the same checkout.
  return Object.fromEntries(entries) as unknown as LoadShape;
}

function valueOf(text: string): string | number | boolean {
  if (text === 'true' || text === 'false') return text === 'true';
  return /^\d+$/.test(text) ? Number(text) : text;
}
