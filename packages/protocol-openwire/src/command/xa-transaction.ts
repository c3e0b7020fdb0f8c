import type { PrepareReceipt, Receipt } from '@batonmq/broker-core';
import { BrokerError, isBrokerError, type XaTransactionId } from '@batonmq/model';
import { TRANSACTION_TYPE, type TransactionInfo } from '@batonmq/openwire';
import type { Client } from '../client.ts';
import { XA, xaThrowable } from '../exception.ts';
import { wireTransactionId } from '../identity.ts';
import type { Peer } from '../peer.ts';
import type { Outcome } from './outcome.ts';

/**
 * A transaction manager's command for one branch. Joining and resuming a branch arrive as another
 * `begin` for it, so that and `end` change nothing on a branch that is there.
 */
export function transactXa(
  peer: Peer,
  { connection }: Client,
  info: TransactionInfo,
  id: XaTransactionId,
): Outcome {
  switch (info.transactionType) {
    case TRANSACTION_TYPE.begin:
      connection.beginTransaction(id);
      return 'done';
    case TRANSACTION_TYPE.end:
      return 'done';
    case TRANSACTION_TYPE.prepare:
      connection.prepareTransaction(id, prepareReceipt(peer, info));
      return 'later';
    case TRANSACTION_TYPE.commitOnePhase:
      connection.commitTransaction(id, xaReceipt(peer, info));
      return 'later';
    case TRANSACTION_TYPE.commitTwoPhase:
      connection.commitPreparedTransaction(id, xaReceipt(peer, info));
      return 'later';
    case TRANSACTION_TYPE.rollback:
    case TRANSACTION_TYPE.forget:
      connection.rollbackTransaction(id, xaReceipt(peer, info));
      return 'later';
    default:
      throw new BrokerError(
        'BATON_INVALID_ARGUMENT',
        `Transaction command ${info.transactionType} is not one for an XA transaction`,
      );
  }
}

/** Answers with the branches that are prepared, whoever prepared them. */
export function listPrepared(peer: Peer, info: TransactionInfo): Outcome {
  if (!info.responseRequired) return 'done';
  const prepared = peer.context.broker.preparedTransactions();
  peer.write({
    type: 'DataArrayResponse',
    commandId: 0,
    responseRequired: false,
    correlationId: info.commandId,
    data: prepared.map(({ id }) => wireTransactionId(id)),
  });
  return 'later';
}

function prepareReceipt(
  peer: Peer,
  { commandId, responseRequired }: TransactionInfo,
): PrepareReceipt {
  return {
    settled: (outcome) => {
      if (isBrokerError(outcome)) {
        peer.fail({ commandId, responseRequired }, outcome, xaThrowable(outcome));
      } else if (responseRequired) {
        peer.respondWithInteger(commandId, outcome === 'prepared' ? XA.ok : XA.readOnly);
      }
    },
  };
}

function xaReceipt(peer: Peer, { commandId, responseRequired }: TransactionInfo): Receipt {
  return {
    settled: (error) => {
      if (error !== undefined) {
        peer.fail({ commandId, responseRequired }, error, xaThrowable(error));
      } else if (responseRequired) {
        peer.respond(commandId);
      }
    },
  };
}
