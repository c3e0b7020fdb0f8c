import {
  BrokerError,
  epoch,
  sequence,
  type DestinationNumber,
  type Epoch,
  type Sequence,
} from '@batonmq/model';
import {
  STORE_PLUGIN,
  STORE_SPI_VERSION,
  type AcquireOptions,
  type Lease,
  type LeaseLoss,
  type ReadLimits,
  type RecoveryVisitor,
  type Store,
  type StoredMessage,
  type StoreInspection,
  type StorePlugin,
  type WriteBatch,
  type WriteRecord,
} from '@batonmq/store-spi';

/** What one of these stores does wrong. Each breaks one promise that a real store once broke. */
export type Flaw =
  | 'acks early'
  | 'ignores the epoch'
  | 'reorders appends'
  | 'loses the tail'
  | "keeps the caller's buffer"
  | 'forgets marks'
  | 'resurrects removed messages'
  | 'lets the sequence go back'
  | 'tears batches'
  | 'stores a copy per target'
  | 'forgets redelivery counts'
  | 'hands out its own bytes'
  | 'settles out of order'
  | 'keeps the lease on close';

/** The bytes that outlive a crash, and the line for them. `flaw` spoils every store on it. */
export class FlawedPlace {
  readonly flaw: Flaw | undefined;
  /** Synced batches, oldest first. */
  log: WriteBatch[] = [];
  epoch = epoch(0);
  holder: FlawedLease | undefined;
  line: (() => void)[] = [];

  constructor(flaw?: Flaw) {
    this.flaw = flaw;
  }

  get plugin(): StorePlugin {
    return { [STORE_PLUGIN]: true, manifest: MANIFEST, create: () => new FlawedStore(this) };
  }

  crash(): void {
    const [torn] = this.holder?.written ?? [];
    if (this.flaw === 'tears batches' && torn !== undefined) this.log.push(torn.slice(0, 1));
    if (this.flaw === 'loses the tail') this.log.pop();
    this.line = [];
    this.holder = undefined;
    // Whatever the dead process still does is refused, so it reaches nothing.
    this.epoch = epoch(this.epoch + 1);
  }

  depose(): void {
    this.holder = undefined;
    this.line.shift()?.();
  }

  contents(): Contents {
    return replay(this.log);
  }
}

const MANIFEST = {
  name: 'flawed-store',
  spiVersion: STORE_SPI_VERSION,
  capabilities: { isDurable: true, isShared: true },
};

class FlawedStore implements Store {
  readonly manifest = MANIFEST;
  readonly #place: FlawedPlace;
  readonly #closing = new AbortController();
  #lease: FlawedLease | undefined;

  constructor(place: FlawedPlace) {
    this.#place = place;
  }

  async acquire({ signal, onProgress }: AcquireOptions): Promise<Lease> {
    const place = this.#place;
    const ends = [this.#closing.signal, ...(signal === undefined ? [] : [signal])];
    const end = AbortSignal.any(ends);
    while (place.holder !== undefined) {
      onProgress?.({ type: 'waiting', holder: undefined });
      await new Promise<void>((resolve) => {
        place.line.push(resolve);
        end.addEventListener('abort', () => {
          place.line = place.line.filter((other) => other !== resolve);
          resolve();
        });
      });
      end.throwIfAborted();
    }
    place.epoch = epoch(place.epoch + 1);
    place.holder = this.#lease = new FlawedLease(place, place.epoch);
    return this.#lease;
  }

  inspect(): Promise<StoreInspection> {
    const contents = this.#place.contents();
    const bodies = new Set<unknown>();
    let messageCount = 0;
    let liveBytes = 0;
    for (const { messages } of contents.destinations.values()) {
      for (const { payload, body } of messages.values()) {
        messageCount += 1;
        const isCounted = bodies.has(body) && this.#place.flaw !== 'stores a copy per target';
        if (!isCounted) liveBytes += payload.length;
        bodies.add(body);
      }
    }
    const isHeldHere = this.#lease !== undefined && this.#place.holder === this.#lease;
    const { epoch: newest } = this.#place;
    const sizes = { messageCount, liveBytes, usedBytes: liveBytes, lagBytes: 0, pins: [] };
    return Promise.resolve({ epoch: newest, isHeldHere, ...sizes });
  }

  async close(): Promise<void> {
    this.#closing.abort();
    await this.#lease?.release();
  }
}

class FlawedLease implements Lease {
  readonly epoch: Epoch;
  readonly lost: Promise<LeaseLoss>;
  /** Not synced yet: gone in a crash. */
  written: WriteBatch[] = [];
  readonly #place: FlawedPlace;
  #lose: (loss: LeaseLoss) => void = () => undefined;
  #waiting: (() => void)[] = [];

  constructor(place: FlawedPlace, granted: Epoch) {
    this.epoch = granted;
    this.#place = place;
    this.lost = new Promise((resolve) => {
      this.#lose = resolve;
    });
  }

  recover(visitor: RecoveryVisitor): Promise<void> {
    const { flaw } = this.#place;
    // These three spoil the log as a careless compaction does.
    if (flaw === 'forgets marks') this.#drop('producer-marked');
    if (flaw === 'resurrects removed messages') this.#drop('message-removed');
    if (flaw === 'forgets redelivery counts') this.#drop('redelivery-counted');

    const { destinations, producers, states } = this.#place.contents();
    for (const [destination, { key, next, messages }] of destinations) {
      const all = [...messages];
      const last = all.at(-1)?.[0];
      const nextSequence =
        flaw === 'lets the sequence go back' ? sequence((last ?? 0) + 1) : sequence(next);
      visitor.destination({
        destination,
        key,
        messageCount: all.length,
        messageBytes: all.reduce((sum, [, { payload }]) => sum + payload.length, 0),
        firstSequence: all[0]?.[0] ?? nextSequence,
        nextSequence,
      });
    }
    for (const [producer, mark] of producers) visitor.producer(producer, mark);
    for (const { space, key, value } of states.values()) visitor.state(space, key, value);
    return Promise.resolve();
  }

  async append(batch: WriteBatch): Promise<void> {
    const { flaw } = this.#place;
    this.#checkEpoch();
    const kept = flaw === "keeps the caller's buffer" ? batch : structuredClone(batch);
    if (flaw === 'reorders appends') this.written.unshift(kept);
    else this.written.push(kept);
    const synced = new Promise<void>((resolve) => {
      if (flaw === 'settles out of order') this.#waiting.unshift(resolve);
      else this.#waiting.push(resolve);
    });
    if (this.#waiting.length === 1) this.#syncSoon();
    if (flaw === 'acks early') return;
    await synced;
    this.#checkEpoch();
  }

  read(
    destination: DestinationNumber,
    from: Sequence,
    limits: ReadLimits,
  ): Promise<readonly StoredMessage[]> {
    // What was acknowledged early is shown early too: only a crash brings such a store to light.
    const isEarly = this.#place.flaw === 'acks early';
    const unsynced = isEarly ? this.written : [];
    const { messages } = replay([...this.#place.log, ...unsynced]).destinations.get(
      destination,
    ) ?? { messages: new Map<Sequence, KeptMessage>() };
    const page: StoredMessage[] = [];
    let bytes = 0;
    for (const [at, { redeliveryCount, payload, body }] of messages) {
      if (at < from) continue;
      bytes += payload.length;
      const isOver = page.length === limits.messageCountMax || bytes > limits.bytesMax;
      if (isOver && page.length > 0) break;
      const isOwn = this.#place.flaw === 'hands out its own bytes' && body.length === 1;
      page.push({ sequence: at, redeliveryCount, payload: isOwn ? (body[0] ?? payload) : payload });
    }
    return Promise.resolve(page);
  }

  release(): Promise<void> {
    this.#lose({ reason: 'released' });
    const isStuck = this.#place.flaw === 'keeps the lease on close';
    if (this.#place.holder === this && !isStuck) this.#place.depose();
    return Promise.resolve();
  }

  /** The sync: everything written becomes durable a turn later, unless the power was cut. */
  #syncSoon(): void {
    setImmediate(() => {
      const place = this.#place;
      const isFenced = this.epoch !== place.epoch && place.flaw !== 'ignores the epoch';
      if (!isFenced) place.log.push(...this.written);
      this.written = [];
      const waiting = this.#waiting;
      this.#waiting = [];
      for (const resolve of waiting) resolve();
    });
  }

  #checkEpoch(): void {
    if (this.epoch === this.#place.epoch || this.#place.flaw === 'ignores the epoch') return;
    this.#lose({ reason: 'fenced' });
    throw new BrokerError('BATON_FENCED', 'A newer epoch exists');
  }

  #drop(type: WriteRecord['type']): void {
    this.#place.log = this.#place.log.map((batch) =>
      batch.filter((record) => record.type !== type),
    );
  }
}

interface KeptMessage {
  readonly payload: Uint8Array;
  /** The pieces as they lie in the log. */
  readonly body: readonly Uint8Array[];
  redeliveryCount: number;
}

interface Contents {
  readonly destinations: Map<
    DestinationNumber,
    { readonly key: string; next: number; readonly messages: Map<Sequence, KeptMessage> }
  >;
  readonly producers: Map<string, number>;
  readonly states: Map<string, Extract<WriteRecord, { type: 'state-put' }>>;
}

/** The contract in its plainest form: what a log of batches means. */
function replay(log: readonly WriteBatch[]): Contents {
  const contents: Contents = { destinations: new Map(), producers: new Map(), states: new Map() };
  const { destinations, producers, states } = contents;
  for (const record of log.flat()) {
    switch (record.type) {
      case 'destination-added':
        destinations.set(record.destination, { key: record.key, next: 1, messages: new Map() });
        break;
      case 'destination-removed':
        destinations.delete(record.destination);
        break;
      case 'message-added':
        for (const { destination, sequence: at } of record.targets) {
          const list = destinations.get(destination);
          const payload = new Uint8Array(Buffer.concat(record.payload));
          list?.messages.set(at, { payload, body: record.payload, redeliveryCount: 0 });
          if (list !== undefined) list.next = at + 1;
        }
        break;
      case 'message-removed':
        destinations.get(record.destination)?.messages.delete(record.sequence);
        break;
      case 'redelivery-counted': {
        const kept = destinations.get(record.destination)?.messages.get(record.sequence);
        if (kept !== undefined) kept.redeliveryCount = record.count;
        break;
      }
      case 'producer-marked':
        producers.set(record.producer, record.sequence);
        break;
      case 'producer-forgotten':
        producers.delete(record.producer);
        break;
      case 'state-put':
        states.set(JSON.stringify([record.space, record.key]), record);
        break;
      case 'state-removed':
        states.delete(JSON.stringify([record.space, record.key]));
        break;
    }
  }
  return contents;
}
