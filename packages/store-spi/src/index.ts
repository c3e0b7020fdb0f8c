/**
 * The contract between the broker and a store.
 *
 * @packageDocumentation
 */
export { openStore } from './open-store.ts';
export {
  STORE_PLUGIN,
  STORE_SPI_VERSION,
  type AcquireOptions,
  type AcquireProgress,
  type Lease,
  type LeaseLoss,
  type ReadLimits,
  type RecoveredDestination,
  type RecoveryVisitor,
  type SpacePin,
  type Store,
  type StoreCapabilities,
  type StoredMessage,
  type StoreInspection,
  type StoreManifest,
  type StorePlugin,
} from './store.ts';
export type { MessageTarget, WriteBatch, WriteRecord } from './write-batch.ts';
