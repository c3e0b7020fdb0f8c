import type { BrokerError } from '@batonmq/model';
import type { Client } from '../client.ts';
import type { Frame } from '../codec/frame.ts';
import { HEADER } from '../codec/header.ts';
import type { Peer } from '../peer.ts';

/**
 * The client says good-bye. Its receipt comes when everything it sent before is durable, also what it
 * wanted no receipt for: the commit of an empty transaction settles behind all that. Then the
 * socket is closed.
 */
export function disconnect(peer: Peer, client: Client, frame: Frame): void {
  const receiptId = frame.rawText(HEADER.receipt);
  peer.stopListening();
  if (receiptId === undefined) {
    void peer.close();
    return;
  }
  const id = client.nextTransactionId();
  client.connection.beginTransaction(id);
  client.connection.commitTransaction(id, {
    settled: (error?: BrokerError) => {
      if (error !== undefined) {
        peer.fail(error, receiptId);
        return;
      }
      peer.writeReceipt(receiptId);
      void peer.close();
    },
  });
}
