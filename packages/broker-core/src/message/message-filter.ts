import { BrokerError, type Message } from '@batonmq/model';

/** True for the messages that a selector lets through. */
export type MessageFilter = (message: Message) => boolean;

/**
 * The filter of a consumer's selector; none for an empty one.
 *
 * @throws `BATON_UNSUPPORTED`.
 */
export function messageFilter(selector: string | undefined): MessageFilter | undefined {
  if (selector === undefined || selector.trim() === '') return undefined;
  throw new BrokerError('BATON_UNSUPPORTED', 'Message selectors are not supported by this broker', {
    details: { feature: 'Message selectors' },
  });
}
