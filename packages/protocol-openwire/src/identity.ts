import {
  BrokerError,
  connectionId,
  producerId,
  type LocalTransactionId,
  type ProducerId,
  type TransactionId,
} from '@batonmq/model';
import type {
  ConsumerId,
  Long,
  ProducerId as WireProducerId,
  WireTransactionId,
} from '@batonmq/openwire';
import { BoundedMap } from './bounded-map.ts';

/** Producers that one peer's messages and acks name at a time; a bridge names those of a whole broker. */
const PRODUCER_COUNT_MAX = 4096;

/**
 * The producers that a peer talks about, in both forms. A producer's text key is made once, not for
 * each of its messages.
 */
export class ProducerIds {
  readonly #byKey = new BoundedMap<string, ProducerId>(PRODUCER_COUNT_MAX);
  #lastWire: WireProducerId | undefined;
  #last: ProducerId | undefined;

  /** @throws `BATON_INVALID_ARGUMENT` if it is missing, `BATON_UNSUPPORTED` if its numbers exceed 2^53. */
  toModel(wire: WireProducerId | null): ProducerId {
    const last = this.#lastWire;
    // A producer's messages come one after the other, also on a connection with many producers.
    if (
      last !== undefined &&
      this.#last !== undefined &&
      wire !== null &&
      last.value === wire.value &&
      last.sessionId === wire.sessionId &&
      last.connectionId === wire.connectionId
    ) {
      return this.#last;
    }
    const found = this.#find(wire);
    this.#lastWire = wire ?? undefined;
    this.#last = found;
    return found;
  }

  #find(wire: WireProducerId | null): ProducerId {
    if (!wire?.connectionId) throw missing('producer id');
    const key = `${wire.connectionId}:${wire.sessionId}:${wire.value}`;
    return (
      this.#byKey.get(key) ??
      this.#byKey.set(
        key,
        producerId(
          connectionId(wire.connectionId),
          safe(wire.sessionId, 'a session'),
          safe(wire.value, 'a producer'),
        ),
      )
    );
  }
}

export function wireProducerId(id: ProducerId): WireProducerId {
  const { connectionId, value, sessionId } = id;
  return { type: 'ProducerId', connectionId, value, sessionId };
}

/** Key of a consumer in its connection, and in everything the broker says about it. */
export function consumerKey(id: ConsumerId): string {
  return `${id.connectionId ?? ''}:${id.sessionId}:${id.value}`;
}

/** @throws `BATON_UNSUPPORTED` for a number beyond 2^53, which no client counts up to. */
export function safe(value: Long, of: string): number {
  if (typeof value === 'number') return value;
  throw new BrokerError('BATON_UNSUPPORTED', `The number of ${of} is ${value}, beyond 2^53`);
}

/** @throws `BATON_INVALID_ARGUMENT` if a local id names no connection. */
export function transactionId(wire: WireTransactionId): TransactionId {
  if (wire.type === 'LocalTransactionId') return localTransactionId(wire);
  const none = new Uint8Array(0);
  return {
    kind: 'xa',
    formatId: wire.formatId,
    globalTransactionId: wire.globalTransactionId ?? none,
    branchQualifier: wire.branchQualifier ?? none,
  };
}

function localTransactionId(
  wire: Extract<WireTransactionId, { type: 'LocalTransactionId' }>,
): LocalTransactionId {
  const connection = wire.connectionId?.value;
  if (!connection) throw missing('connection of a transaction id');
  return {
    kind: 'local',
    connectionId: connectionId(connection),
    value: safe(wire.value, 'a transaction'),
  };
}

export function wireTransactionId(id: TransactionId): WireTransactionId {
  if (id.kind === 'local') {
    return {
      type: 'LocalTransactionId',
      value: id.value,
      connectionId: { type: 'ConnectionId', value: id.connectionId },
    };
  }
  const { formatId, globalTransactionId, branchQualifier } = id;
  return { type: 'XATransactionId', formatId, globalTransactionId, branchQualifier };
}

/** The error for a command without something that it cannot do without. */
export function missing(what: string): BrokerError {
  return new BrokerError('BATON_INVALID_ARGUMENT', `The ${what} is missing`);
}
