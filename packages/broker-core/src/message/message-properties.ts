import { decodeProperties } from '@batonmq/message-content';
import { isBrokerError, type Message } from '@batonmq/model';

type Properties = ReturnType<typeof decodeProperties>;

/** The properties of a message; none if it has none, or some that cannot be read: they say nothing then. */
export function propertiesOf({ properties }: Message): Properties | undefined {
  if (properties === undefined) return undefined;
  try {
    return decodeProperties(properties);
  } catch (error) {
    if (isBrokerError(error)) return undefined;
    throw error;
  }
}
