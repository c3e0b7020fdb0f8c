/**
 * The broker without sockets or disks.
 *
 * @packageDocumentation
 */
export type { Broker, DestinationStatus, DurableSubscriptionStatus } from './broker.ts';
export type {
  BrokerConnection,
  ConnectionControl,
  ConnectOptions,
  PrepareOutcome,
  PrepareReceipt,
  ProducerOptions,
  Receipt,
} from './connection/connection.ts';
export type { TimestampOptions, TimestampSettings } from './message/timestamps.ts';
export { createBroker, type CreateBrokerOptions } from './create-broker.ts';
export type { LimitName, LimitStatus } from './limit/usage.ts';
export type { BrokerEvent, BrokerEventType } from './events.ts';
export {
  BROKER_DEFAULTS,
  resolveBrokerOptions,
  type BrokerOptions,
  type BrokerSettings,
} from './options.ts';
export type { RedriveOptions, RedriveResult } from './message/redrive.ts';
export type {
  DeadLetterStrategy,
  DestinationPolicy,
  DispatchPolicy,
  MessageEvictionStrategy,
  PendingMessageLimitStrategy,
  PolicyEntry,
  RedeliveryPolicy,
  SlowConsumerStrategy,
  SubscriptionRecoveryPolicy,
} from './policy/destination-policy.ts';
export type { EffectivePolicy, EffectiveValue } from './policy/policies.ts';
export { POLICY_DEFAULTS, REDELIVERY_DEFAULTS } from './policy/policy-defaults.ts';
export { POLICY_NAMES } from './policy/policy-shape.ts';
export { policyProblems } from './policy/policy-problems.ts';
export type {
  CompositeDestination,
  FilteredDestination,
  MirroredQueues,
  VirtualDestination,
  VirtualTopic,
} from './policy/virtual-destination.ts';
export { virtualProblems } from './policy/virtual-problems.ts';
export type { Problem } from './policy/shape.ts';
export {
  authorizationEntries,
  type AuthorizationEntry,
  type AuthorizationOptions,
  type Permissions,
} from './security/authorization-entries.ts';
export { authorizationProblems } from './security/authorization-problems.ts';
export {
  resolveSecurityOptions,
  SECURITY_DEFAULTS,
  type SecurityOptions,
  type SecuritySettings,
} from './security/options.ts';
export { printable } from './security/printable.ts';
export type {
  Action,
  Authenticator,
  Authorizer,
  BrokerSecurity,
  Credentials,
  Principal,
} from './security/security.ts';
export type { Role } from './role/role.ts';
export {
  LAST_DELIVERED_NONE,
  LAST_DELIVERED_UNKNOWN,
  type Ack,
  type AckKind,
  type Delivery,
  type DispatchSink,
  type MessageReference,
  type SubscribeOptions,
  type Subscription,
} from './subscription/subscription.ts';
export type { Resolution } from './transaction/prepared-transaction.ts';
export type { PreparedTransactionStatus } from './transaction/xa-transactions.ts';
