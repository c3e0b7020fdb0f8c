/** A random workload with a model of what must be stored after each of its batches. */
import { BrokerError, destinationNumber, epoch, sequence } from '@batonmq/model';
import { type SimRandom, type SimRuntime } from '@batonmq/runtime/sim';
import type { WriteBatch, WriteRecord } from '@batonmq/store-spi';
import {
  openJournal,
  type Journal,
  type JournalFollower,
  type JournalOptions,
} from '../src/index.ts';

export const DIRECTORY = '/journal';

/** As small as they may be, so that a short run has every kind of event. */
export const SMALL: JournalOptions = {
  segmentBytes: 64 * 1024,
  reserveBytes: 4 * 1024,
  checkpointBytes: 64 * 1024,
  compactionBytesPerSecond: 64 * 1024 * 1024,
};

interface ModelDestination {
  readonly key: string;
  nextSequence: number;
  readonly messages: Map<number, { readonly payload: string; count: number }>;
}

/** What a journal must remember, kept in the simplest way. */
export class Model {
  readonly destinations = new Map<number, ModelDestination>();
  readonly producers = new Map<string, number>();
  readonly states = new Map<string, string>();

  apply(batch: WriteBatch): void {
    for (const record of batch) this.#applyRecord(record);
  }

  /** Equal for equal contents. */
  fingerprint(): string {
    const destinations = [...this.destinations].sort(([a], [b]) => a - b);
    return JSON.stringify({
      destinations: destinations.map(([number, { key, nextSequence, messages }]) => ({
        number,
        key,
        nextSequence,
        messages: [...messages]
          .sort(([a], [b]) => a - b)
          .map(([at, one]) => [at, one.count, one.payload]),
      })),
      producers: [...this.producers].sort(),
      states: [...this.states].sort(),
    });
  }

  #applyRecord(record: WriteRecord): void {
    switch (record.type) {
      case 'destination-added':
        this.destinations.set(record.destination, {
          key: record.key,
          nextSequence: 1,
          messages: new Map(),
        });
        return;
      case 'destination-removed':
        this.destinations.delete(record.destination);
        return;
      case 'message-added':
        for (const target of record.targets) {
          let at = this.destinations.get(target.destination);
          if (at === undefined) {
            // Its addition was refused on a full disk.
            at = { key: '', nextSequence: 1, messages: new Map() };
            this.destinations.set(target.destination, at);
          }
          at.messages.set(target.sequence, {
            payload: Buffer.concat(record.payload).toString('latin1'),
            count: 0,
          });
          at.nextSequence = Math.max(at.nextSequence, target.sequence + 1);
        }
        return;
      case 'message-removed':
        this.destinations.get(record.destination)?.messages.delete(record.sequence);
        return;
      case 'redelivery-counted': {
        const message = this.destinations.get(record.destination)?.messages.get(record.sequence);
        if (message !== undefined) message.count = record.count;
        return;
      }
      case 'producer-marked':
        this.producers.set(record.producer, record.sequence);
        return;
      case 'producer-forgotten':
        this.producers.delete(record.producer);
        return;
      case 'state-put':
        this.states.set(
          `${record.space}/${record.key}`,
          Buffer.from(record.value).toString('latin1'),
        );
        return;
      case 'state-removed':
        this.states.delete(`${record.space}/${record.key}`);
        return;
    }
  }
}

/** What the journal says it has, in the form of {@link Model.fingerprint}. */
export async function fingerprint(journal: Journal): Promise<string> {
  const model = new Model();
  const numbers: { number: number; messageCount: number; messageBytes: number }[] = [];
  await journal.recover({
    destination({ destination, key, nextSequence, messageCount, messageBytes }) {
      numbers.push({ number: destination, messageCount, messageBytes });
      model.destinations.set(destination, { key, nextSequence, messages: new Map() });
    },
    producer: (producer, at) => model.producers.set(producer, at),
    state: (space, key, value) =>
      model.states.set(`${space}/${key}`, Buffer.from(value).toString('latin1')),
  });
  for (const { number, messageCount, messageBytes } of numbers) {
    const limits = { messageCountMax: 1_000_000, bytesMax: 1e12 };
    const messages = await journal.read(destinationNumber(number), sequence(0), limits);
    const bytes = messages.reduce((sum, { payload }) => sum + payload.length, 0);
    if (messages.length !== messageCount || bytes !== messageBytes) {
      throw new Error(
        `destination ${number} counts ${messageCount} messages of ${messageBytes} bytes and has ${messages.length} of ${bytes}`,
      );
    }
    for (const { sequence: at, redeliveryCount, payload } of messages) {
      const text = Buffer.from(payload).toString('latin1');
      model.destinations.get(number)?.messages.set(at, { payload: text, count: redeliveryCount });
    }
  }
  return model.fingerprint();
}

/** Makes batches that fit what was made before. */
export class Workload {
  readonly #random: SimRandom;
  /** State after everything that was made. */
  readonly model = new Model();
  #nextDestination = 1;

  constructor(random: SimRandom) {
    this.#random = random;
  }

  next(): WriteBatch {
    const batch: WriteRecord[] = [];
    if (this.model.destinations.size === 0 || this.#random.chance(0.03))
      batch.push(this.#addDestination());
    const count = 1 + this.#random.below(4);
    for (let index = 0; index < count; index += 1) {
      const record = this.#record();
      this.model.apply([record]);
      batch.push(record);
    }
    return batch;
  }

  #addDestination(): WriteRecord {
    const number = this.#nextDestination;
    this.#nextDestination += 1;
    const record: WriteRecord = {
      type: 'destination-added',
      destination: destinationNumber(number),
      key: `queue://Q.${number}.ü`,
    };
    this.model.apply([record]);
    return record;
  }

  #record(): WriteRecord {
    const roll = this.#random.below(100);
    const place = this.#somePlace();
    if (roll < 50 || place === undefined) return this.#addMessage();
    const [destination, at] = place;
    if (roll < 80)
      return {
        type: 'message-removed',
        destination: destinationNumber(destination),
        sequence: sequence(at),
      };
    if (roll < 86) {
      return {
        type: 'redelivery-counted',
        destination: destinationNumber(destination),
        sequence: sequence(at),
        count: 1 + this.#random.below(5),
      };
    }
    const name = `p${this.#random.below(5)}`;
    if (roll < 91)
      return { type: 'producer-marked', producer: name, sequence: this.#random.below(1e9) };
    if (roll < 93) return { type: 'producer-forgotten', producer: name };
    if (roll < 97)
      return {
        type: 'state-put',
        space: 'subscription',
        key: name,
        value: this.#random.bytes(this.#random.below(40)),
      };
    if (roll < 99) return { type: 'state-removed', space: 'subscription', key: name };
    if (this.model.destinations.size < 2) return this.#addMessage();
    return { type: 'destination-removed', destination: destinationNumber(destination) };
  }

  #addMessage(): WriteRecord {
    const numbers = [...this.model.destinations.keys()];
    const first = this.#random.below(numbers.length);
    const targets = numbers
      .slice(first, first + (this.#random.chance(0.1) ? 3 : 1))
      .map((number) => ({
        destination: destinationNumber(number),
        sequence: sequence(this.model.destinations.get(number)?.nextSequence ?? 1),
      }));
    const size = this.#random.chance(0.1) ? 12_000 : 4000;
    const payload = [
      this.#random.bytes(this.#random.below(size)),
      this.#random.bytes(this.#random.below(20)),
    ];
    return { type: 'message-added', targets, payload };
  }

  #somePlace(): readonly [destination: number, sequence: number] | undefined {
    const numbers = [...this.model.destinations.keys()];
    const number = numbers[this.#random.below(numbers.length)] ?? 0;
    const sequences = [...(this.model.destinations.get(number)?.messages.keys() ?? [])];
    const at = sequences[this.#random.below(sequences.length)];
    return at === undefined ? undefined : [number, at];
  }
}

/** What a run may leave behind: `states[k]` is the contents after the first k appends that were not refused. */
export interface RunResult {
  readonly states: readonly string[];
  /** So many of them were acknowledged. */
  readonly ackedCount: number;
  readonly refusedCount: number;
}

/** Newest epoch of each simulated machine: what a lock would tell an old owner. */
const newest = new WeakMap<SimRuntime, number>();

/** Opens the journal as a new process does that holds the lock. */
export function open(
  runtime: SimRuntime,
  number: number,
  options = SMALL,
  follower?: JournalFollower,
): Promise<Journal> {
  newest.set(runtime, number);
  return runtime.clock.run(
    openJournal({
      directory: DIRECTORY,
      epoch: epoch(number),
      components: { ...runtime, files: runtime.files.process() },
      options,
      ...(follower === undefined ? {} : { follower }),
      guard: () =>
        newest.get(runtime) === number
          ? undefined
          : new BrokerError('BATON_FENCED', `epoch ${number} is over`),
    }),
  );
}

/** Appends `count` batches, some of them at the same time, until the journal fails. */
export async function run(
  runtime: SimRuntime,
  journal: Journal,
  workload: Workload,
  count: number,
): Promise<RunResult> {
  const model = new Model();
  const states = [model.fingerprint()];
  let ackedCount = 0;
  let refusedCount = 0;
  const append = async (batch: WriteBatch): Promise<boolean> => {
    try {
      await journal.append(batch);
    } catch (error) {
      if ((error as { code?: string }).code !== 'BATON_STORE_FULL') {
        // Its outcome is unknown.
        model.apply(batch);
        states.push(model.fingerprint());
        return false;
      }
      refusedCount += 1;
      return true;
    }
    model.apply(batch);
    states.push(model.fingerprint());
    ackedCount += 1;
    return true;
  };
  for (let made = 0; made < count;) {
    const together: Promise<boolean>[] = [];
    for (let one = 0; one <= made % 4; one += 1) together.push(append(workload.next()));
    made += together.length;
    if ((await runtime.clock.run(Promise.all(together))).includes(false)) break;
  }
  return { states, ackedCount, refusedCount };
}
