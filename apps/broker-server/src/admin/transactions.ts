import { BrokerError } from '@batonmq/model';
import type { PreparedTransactionStatus, Resolution } from '@batonmq/broker-core';

const VERDICTS: readonly Resolution[] = ['commit', 'rollback'];

/** A prepared XA transaction as JSON; times are texts of ISO 8601. */
export interface TransactionListing {
  readonly transaction: string;
  readonly preparedAt: string;
  readonly sendCount: number;
  readonly ackCount: number;
}

export function listingOf(transaction: PreparedTransactionStatus): TransactionListing {
  const { key, preparedAt, sendCount, ackCount } = transaction;
  return {
    transaction: key,
    preparedAt: new Date(preparedAt).toISOString(),
    sendCount,
    ackCount,
  };
}

/** What `/resolve?transaction=…&verdict=…` asks for. @throws `BATON_INVALID_ARGUMENT`. */
export function resolutionIn({ searchParams }: URL): { transaction: string; verdict: Resolution } {
  const transaction = searchParams.get('transaction');
  const verdict = VERDICTS.find((each) => each === searchParams.get('verdict'));
  if (transaction !== null && verdict !== undefined) return { transaction, verdict };
  throw new BrokerError(
    'BATON_INVALID_ARGUMENT',
    `/resolve needs a transaction and a verdict: /resolve?transaction=XID:…&verdict=${VERDICTS.join('|')}`,
  );
}
