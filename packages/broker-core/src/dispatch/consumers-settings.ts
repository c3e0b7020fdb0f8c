import { isQueue, type Destination } from '@batonmq/model';
import type { BrokerSettings } from '../options.ts';
import type { DestinationPolicy } from '../policy/destination-policy.ts';
import { POLICY_DEFAULTS } from '../policy/policy-defaults.ts';
import type { ConsumersSettings } from './consumers.ts';

/** What holds for the consumers of a queue; that of a durable subscription has one, and nothing to share out. */
export function consumersSettings(
  destination: Destination,
  policy: DestinationPolicy,
  { messageGroupOwnersMax }: BrokerSettings,
): ConsumersSettings {
  const {
    strictOrderDispatch = POLICY_DEFAULTS.strictOrderDispatch,
    allConsumersExclusiveByDefault = POLICY_DEFAULTS.allConsumersExclusiveByDefault,
    messageGroupRebalance = POLICY_DEFAULTS.messageGroupRebalance,
  } = policy;
  const groups = { ownersMax: messageGroupOwnersMax, isRebalancing: messageGroupRebalance };
  return {
    isStrictOrder: strictOrderDispatch,
    areAllExclusive: isQueue(destination) && allConsumersExclusiveByDefault,
    groups: isQueue(destination) ? groups : undefined,
  };
}
