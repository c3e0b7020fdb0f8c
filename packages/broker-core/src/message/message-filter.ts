import type { Message } from '@batonmq/model';
import { parseSelector, type Selector } from '@batonmq/selector';
import { SelectableMessage } from './selectable-message.ts';

/** True for the messages that a selector lets through. */
export type MessageFilter = (message: Message) => boolean;

/**
 * A consumer's selector; none if there is nothing but blanks.
 *
 * @throws `BATON_INVALID_SELECTOR`, `BATON_UNSUPPORTED`.
 */
export function consumerSelector(text: string | undefined): Selector | undefined {
  return text === undefined || text.trim() === '' ? undefined : parseSelector(text.trim());
}

/** The filter of a consumer's selector; none if it has none. @throws as {@link consumerSelector}. */
export function messageFilter(text: string | undefined): MessageFilter | undefined {
  const selector = consumerSelector(text);
  if (selector === undefined) return undefined;
  return (message) => {
    const { redeliveryCount } = message;
    return selector.matches(new SelectableMessage({ message, redeliveryCount }));
  };
}
