import type { Receipt } from '@batonmq/broker-core';
import type { BrokerError } from '@batonmq/model';
import type { Client } from '../client.ts';
import type { Frame } from '../codec/frame.ts';
import { HEADER } from '../codec/header.ts';
import { protocolError } from '../codec/protocol-error.ts';
import type { Peer } from '../peer.ts';
import type { OpenTransaction } from '../transaction.ts';
import { receiptOf, writeReceipt } from './receipt.ts';

export function begin(peer: Peer, client: Client, frame: Frame): void {
  client.begin(nameOf(frame));
  writeReceipt(peer, frame);
}

/** Sends and acks of the transaction take effect together, or not at all. */
export function commit(peer: Peer, client: Client, frame: Frame): void {
  const transaction = client.endTransaction(nameOf(frame));
  const receipt = receiptOf(peer, frame);
  client.connection.commitTransaction(
    transaction.id,
    transaction.hasRejected ? new CommitReceipt(peer, transaction, receipt) : receipt,
  );
}

/** Nothing of it took effect; the messages acked in it are to be acked again. */
export function abort(peer: Peer, client: Client, frame: Frame): void {
  const transaction = client.endTransaction(nameOf(frame));
  client.connection.rollbackTransaction(transaction.id, receiptOf(peer, frame));
  transaction.aborted();
}

/** Rejects what the transaction rejected once the rest of it is durable. */
class CommitReceipt implements Receipt {
  readonly #peer: Peer;
  readonly #transaction: OpenTransaction;
  readonly #receipt: Receipt | undefined;

  constructor(peer: Peer, transaction: OpenTransaction, receipt: Receipt | undefined) {
    this.#peer = peer;
    this.#transaction = transaction;
    this.#receipt = receipt;
  }

  settled(error?: BrokerError): void {
    if (error === undefined) this.#transaction.committed();
    else if (this.#receipt === undefined) this.#peer.fail(error);
    this.#receipt?.settled(error);
  }
}

function nameOf(frame: Frame): string {
  const name = frame.text(HEADER.transaction);
  if (name !== undefined) return name;
  throw protocolError(`The header transaction of ${frame.command} is missing`);
}
