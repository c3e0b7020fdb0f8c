import type { Broker, DestinationStatus, LimitStatus, Role } from '@batonmq/broker-core';
import type { StoreStatus } from './store/store-status.ts';

/** What `/status` answers and `batonmq status` shows. */
export interface ServerStatus {
  readonly name: string;
  readonly id: string;
  readonly role: Role;
  readonly epoch: number | undefined;
  readonly uptimeSeconds: number;
  readonly processId: number;
  readonly residentBytes: number;
  /** Empty while this broker is not active. */
  readonly listening: readonly string[];
  readonly store: StoreStatus;
  /** Limits of all destinations together. */
  readonly limits: readonly LimitStatus[];
  readonly destinations: readonly (Omit<DestinationStatus, 'destination'> & {
    readonly destination: string;
  })[];
}

export function destinationsOf(broker: Broker): ServerStatus['destinations'] {
  return broker
    .destinations()
    .map((status) => ({ ...status, destination: status.destination.key }));
}
