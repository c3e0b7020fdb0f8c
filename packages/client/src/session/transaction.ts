import { BrokerError } from '@batonmq/model';
import {
  command,
  TRANSACTION_TYPE,
  type LocalTransactionId,
  type ProducerInfo,
  type TransactionInfo,
  type WireMessage,
} from '@batonmq/openwire';
import type { ReplayCommand } from '../connection/channel.ts';
import { messageSize } from '../message/outgoing-message.ts';

/**
 * The work of a session between two commits, as far as it can be done again on another connection:
 * sends can, deliveries cannot, because the broker gives their messages to somebody else.
 *
 * ```text
 * open --interrupted, with deliveries or too large--> doomed
 *  | commit                                             | commit
 *  v                                                    v
 * ended                        BATON_TRANSACTION_ROLLED_BACK
 * ```
 */
export class Transaction {
  readonly id: LocalTransactionId;
  readonly #bytesMax: number;
  #sends: WireMessage[] = [];
  #producers = new Map<string, ProducerInfo>();
  #bytes = 0;
  #hasDeliveries = false;
  #doom: string | undefined;

  constructor(id: LocalTransactionId, bytesMax: number) {
    this.id = id;
    this.#bytesMax = bytesMax;
  }

  /** Why it can only be rolled back, if so. */
  get doom(): string | undefined {
    return this.#doom;
  }

  delivered(): void {
    this.#hasDeliveries = true;
  }

  /** Keeps a send, as it goes over the wire, for a replay. */
  sent(
    message: WireMessage,
    producer: { readonly key: string; readonly info: ProducerInfo },
  ): void {
    this.#bytes += messageSize(message);
    if (this.#doom !== undefined || this.#bytes > this.#bytesMax) {
      this.#sends = [];
      return;
    }
    this.#sends.push(message);
    this.#producers.set(producer.key, producer.info);
  }

  /** The connection is gone, or is about to be made again. */
  interrupted(): void {
    if (this.#hasDeliveries) {
      this.#doom ??= 'messages delivered in it went back to their queue when the connection broke';
    } else if (this.#bytes > this.#bytesMax) {
      this.#doom ??= `its ${this.#bytes} bytes were more than could be kept when the connection broke`;
    }
    if (this.#doom !== undefined) this.#sends = [];
  }

  /**
   * The work so far, for a new connection. Producers that were closed meanwhile are made again
   * before and removed after it, unless `liveProducers` is missing.
   */
  *replay(liveProducers: ReadonlySet<string> | undefined): Iterable<ReplayCommand> {
    this.interrupted();
    if (this.#doom !== undefined) return;
    const gone = [...this.#producers].filter(([key]) => liveProducers?.has(key) === false);
    for (const [, info] of gone) yield { command: info };
    yield { command: this.begin() };
    for (const message of this.#sends) yield { command: message };
    for (const [, { producerId }] of gone) {
      yield { command: command('RemoveInfo', { objectId: producerId }) };
    }
  }

  begin(): TransactionInfo {
    return this.info(TRANSACTION_TYPE.begin);
  }

  /** The command of a `TRANSACTION_TYPE` about this transaction. */
  info(transactionType: number): TransactionInfo {
    return command('TransactionInfo', {
      connectionId: this.id.connectionId,
      transactionId: this.id,
      transactionType,
    });
  }

  rolledBack(): BrokerError {
    return new BrokerError(
      'BATON_TRANSACTION_ROLLED_BACK',
      `The transaction was rolled back: ${this.#doom ?? 'the connection broke'}; nothing of it took effect`,
      { details: { transaction: Number(this.id.value) } },
    );
  }
}
