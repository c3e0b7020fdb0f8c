import { splitConsumerOptions, type Destination } from '@batonmq/model';
import type { ConsumerOptions } from './consumer.ts';

/**
 * What the name of a destination says about its consumer (`orders?consumer.priority=5`), over
 * what the call says, and the destination without it.
 *
 * @throws BrokerError `BATON_INVALID_OPTION`
 */
export function withNamedOptions(
  target: Destination,
  given: ConsumerOptions,
): { readonly from: Destination; readonly options: ConsumerOptions } {
  const { destination: from, options } = splitConsumerOptions(target);
  const { prefetchSize, exclusive, retroactive, maximumPendingMessageLimit, ...same } = options;
  const named = {
    ...same,
    ...(prefetchSize !== undefined && { prefetchCount: prefetchSize }),
    ...(exclusive !== undefined && { isExclusive: exclusive }),
    ...(maximumPendingMessageLimit !== undefined && {
      maximumPendingMessages: maximumPendingMessageLimit,
    }),
    ...(retroactive !== undefined && { isRetroactive: retroactive }),
  };
  return { from, options: { ...given, ...named } };
}
