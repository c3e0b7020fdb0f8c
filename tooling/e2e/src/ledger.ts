/**
 * What producers were told and what consumers got, message by message, and the comparison of the two.
 *
 * A message is named by its queue, its producer and that producer's count from 1. Per message:
 *
 *   sent -> answered      the send, or the commit of its transaction, was answered
 *        -> rolled back   the transaction is certainly gone
 *        (neither)        in doubt: it may or may not be there
 *   received, any number of times -> acked   the ack was answered
 */
export interface MessageName {
  readonly queue: string;
  readonly producer: string;
  readonly count: number;
}

/** Messages that break a promise, each as `queue/producer/count`. */
export interface Verdict {
  readonly sentCount: number;
  readonly answeredCount: number;
  readonly receivedCount: number;
  /** Received more than once, in a way that at-least-once allows. */
  readonly redeliveredCount: number;
  /** Answered and never received. */
  readonly lost: readonly string[];
  /** Of transactions that arrived in part, or although they were rolled back. */
  readonly partial: readonly string[];
  /** Received again after their ack was answered. */
  readonly duplicated: readonly string[];
  /** Received for the first time after a later message of the same producer. */
  readonly reordered: readonly string[];
}

interface Entry {
  readonly transaction: string | undefined;
  outcome: 'in doubt' | 'answered' | 'rolled back';
  receiptCount: number;
  isAcked: boolean;
}

export class Ledger {
  readonly #entries = new Map<string, Entry>();
  readonly #lastReceived = new Map<string, number>();
  readonly #duplicated = new Set<string>();
  readonly #reordered = new Set<string>();
  #receivedCount = 0;
  #redeliveredCount = 0;
  #missingCount = 0;

  /** Before a message leaves; `transaction` names the one it is part of. */
  sent(name: MessageName, transaction?: string): void {
    const entry: Entry = { transaction, outcome: 'in doubt', receiptCount: 0, isAcked: false };
    this.#entries.set(key(name), entry);
  }

  answered(name: MessageName): void {
    const entry = this.#entry(name);
    if (entry.outcome !== 'answered' && entry.receiptCount === 0) this.#missingCount += 1;
    entry.outcome = 'answered';
  }

  rolledBack(name: MessageName): void {
    this.#entry(name).outcome = 'rolled back';
  }

  received(name: MessageName): void {
    const entry = this.#entry(name);
    if (entry.isAcked) this.#duplicated.add(key(name));
    if (entry.receiptCount > 0) this.#redeliveredCount += 1;
    else this.#receivedFirst(name, entry);
    entry.receiptCount += 1;
    this.#receivedCount += 1;
  }

  acked(name: MessageName): void {
    this.#entry(name).isAcked = true;
  }

  /** Answered messages that have not been received yet: at the end of a run, those that are lost. */
  get missingCount(): number {
    return this.#missingCount;
  }

  verdict(): Verdict {
    const entries = [...this.#entries];
    const names = (wanted: (entry: Entry) => boolean): string[] =>
      entries.filter(([, entry]) => wanted(entry)).map(([name]) => name);
    const torn = new Set(tornTransactions(entries.map(([, entry]) => entry)));
    return {
      sentCount: entries.length,
      answeredCount: names((entry) => entry.outcome === 'answered').length,
      receivedCount: this.#receivedCount,
      redeliveredCount: this.#redeliveredCount,
      lost: names((entry) => entry.outcome === 'answered' && entry.receiptCount === 0),
      partial: names(
        (entry) =>
          (entry.transaction !== undefined && torn.has(entry.transaction)) ||
          (entry.outcome === 'rolled back' && entry.receiptCount > 0),
      ),
      duplicated: [...this.#duplicated],
      reordered: [...this.#reordered],
    };
  }

  #receivedFirst(name: MessageName, entry: Entry): void {
    if (entry.outcome === 'answered') this.#missingCount -= 1;
    const stream = `${name.queue}/${name.producer}`;
    const last = this.#lastReceived.get(stream) ?? 0;
    if (name.count < last) this.#reordered.add(key(name));
    else this.#lastReceived.set(stream, name.count);
  }

  #entry(name: MessageName): Entry {
    const entry = this.#entries.get(key(name));
    if (entry === undefined) throw new Error(`Nobody sent ${key(name)}`);
    return entry;
  }
}

function key({ queue, producer, count }: MessageName): string {
  return `${queue}/${producer}/${count}`;
}

/** Transactions of which some messages were received and some were not. */
function tornTransactions(entries: readonly Entry[]): readonly string[] {
  const seen = new Map<string, Set<boolean>>();
  for (const { transaction, receiptCount } of entries) {
    if (transaction === undefined) continue;
    const kinds = seen.get(transaction) ?? new Set<boolean>();
    seen.set(transaction, kinds.add(receiptCount > 0));
  }
  return [...seen].filter(([, kinds]) => kinds.size > 1).map(([transaction]) => transaction);
}
