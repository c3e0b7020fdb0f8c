import { splitConsumerOptions } from '@batonmq/model';
import type { SubscribeOptions } from './subscription.ts';

/**
 * What the name of the destination says about the consumer (`orders?consumer.priority=5`), over what the
 * consumer says itself, as in ActiveMQ. Clients that know these options send names without them.
 *
 * @throws `BATON_INVALID_OPTION`
 */
export function withDestinationOptions(given: SubscribeOptions): SubscribeOptions {
  if (!given.destination.name.includes('?')) return given;
  const { destination, options } = splitConsumerOptions(given.destination);
  return {
    ...given,
    destination,
    prefetchCount: options.prefetchSize ?? given.prefetchCount,
    selector: options.selector ?? given.selector,
    isNoLocal: options.noLocal ?? given.isNoLocal,
    isExclusive: options.exclusive ?? given.isExclusive,
    isRetroactive: options.retroactive ?? given.isRetroactive,
    priority: options.priority ?? given.priority,
    maximumPendingMessages: options.maximumPendingMessageLimit ?? given.maximumPendingMessages,
    subscriptionName: options.subscriptionName ?? given.subscriptionName,
  };
}
