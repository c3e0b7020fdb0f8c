import type { ConnectionId } from './ids.ts';

/** A transaction of one connection. */
export interface LocalTransactionId {
  readonly kind: 'local';
  readonly connectionId: ConnectionId;
  readonly value: number;
}

/** A branch of a distributed (XA) transaction; known to the whole broker, not to one connection. */
export interface XaTransactionId {
  readonly kind: 'xa';
  readonly formatId: number;
  readonly globalTransactionId: Uint8Array;
  readonly branchQualifier: Uint8Array;
}

export type TransactionId = LocalTransactionId | XaTransactionId;

/** Text form; equal for equal ids and usable as a key. */
export function formatTransactionId(id: TransactionId): string {
  if (id.kind === 'local') return `TX:${id.connectionId}:${id.value}`;
  const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
  return `XID:[${id.formatId},globalId=${hex(id.globalTransactionId)},branchId=${hex(id.branchQualifier)}]`;
}
