import { BrokerError, formatTransactionId, type TransactionId } from '@batonmq/model';
import { TRANSACTION_TYPE, type TransactionInfo } from '@batonmq/openwire';
import { missing, transactionId } from '../identity.ts';
import type { Peer } from '../peer.ts';
import type { Outcome } from './outcome.ts';
import { listPrepared, transactXa } from './xa-transaction.ts';

/** Answers to a client that asks how its commit ended; docs/formats/openwire-extensions.md §2. */
const OUTCOME = { unknown: 0, committed: 1, open: 2 } as const;

export function transact(peer: Peer, info: TransactionInfo): Outcome {
  if (info.transactionType === TRANSACTION_TYPE.recover && info.transactionId === null) {
    return listPrepared(peer, info);
  }
  if (info.transactionId === null) throw missing('transaction id');
  const client = peer.client(info.connectionId?.value);
  const id = transactionId(info.transactionId);
  if (info.transactionType === TRANSACTION_TYPE.recover) return tellOutcome(peer, info, id);
  if (id.kind === 'xa') return transactXa(peer, client, info, id);
  switch (info.transactionType) {
    case TRANSACTION_TYPE.begin:
      client.connection.beginTransaction(id);
      return 'done';
    case TRANSACTION_TYPE.commitOnePhase:
      client.connection.commitTransaction(id, peer.receipt(info));
      return 'later';
    case TRANSACTION_TYPE.rollback:
      client.connection.rollbackTransaction(id, peer.receipt(info));
      return 'later';
    default:
      throw new BrokerError(
        'BATON_INVALID_ARGUMENT',
        `Transaction command ${info.transactionType} is not one for a local transaction`,
      );
  }
}

function tellOutcome(peer: Peer, info: TransactionInfo, id: TransactionId): Outcome {
  const outcome = peer.context.broker.transactionOutcome(formatTransactionId(id));
  peer.respondWithInteger(info.commandId, OUTCOME[outcome]);
  return 'later';
}
