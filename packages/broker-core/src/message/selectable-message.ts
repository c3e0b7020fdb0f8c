import { formatTransactionId, type Message } from '@batonmq/model';
import { decodeProperties, type PrimitiveMap } from '@batonmq/message-content';
import type { SelectorMessage, SelectorValue } from '@batonmq/selector';
import { isBrokerError } from '@batonmq/model';

/** What a selector may look at; `redeliveryCount` as in a delivery. */
interface Selectable {
  readonly message: Message;
  readonly redeliveryCount: number;
}

const NO_PROPERTIES: PrimitiveMap = new Map();

/**
 * A message as selectors see it: headers by their JMS names, everything else a property. Properties
 * are decoded when the first is asked for.
 */
export class SelectableMessage implements SelectorMessage {
  readonly #of: Selectable;
  #properties: PrimitiveMap | undefined;

  constructor(of: Selectable) {
    this.#of = of;
  }

  value(name: string): SelectorValue | undefined {
    if (name.startsWith('JMS')) {
      const header = HEADERS.get(name);
      if (header !== undefined) return header(this.#of);
    }
    const { deadLetter } = this.#of.message;
    if (deadLetter !== undefined) {
      if (name === 'dlqDeliveryFailureCause') return text(deadLetter.cause);
      if (name === 'originalExpiration') return long(deadLetter.originalExpiration);
      if (name === 'originalDeliveryMode' && !deadLetter.wasPersistent) {
        return text('NON_PERSISTENT');
      }
    }
    this.#properties ??= propertiesOf(this.#of.message);
    return this.#properties.get(name);
  }
}

/** As ActiveMQ gives them to selectors. */
const HEADERS: ReadonlyMap<string, (of: Selectable) => SelectorValue | undefined> = new Map([
  [
    'JMSDestination',
    ({ message }) => text((message.originalDestination ?? message.destination).key),
  ],
  ['JMSReplyTo', ({ message }) => text(message.replyTo?.key)],
  ['JMSType', ({ message }) => text(message.type)],
  [
    'JMSDeliveryMode',
    ({ message }) => text(message.isPersistent ? 'PERSISTENT' : 'NON_PERSISTENT'),
  ],
  ['JMSPriority', ({ message }) => int(message.priority)],
  ['JMSMessageID', ({ message }) => text(messageIdOf(message))],
  ['JMSTimestamp', ({ message }) => long(message.timestamp)],
  ['JMSCorrelationID', ({ message }) => text(message.correlationId)],
  ['JMSExpiration', ({ message }) => long(message.expiration)],
  ['JMSRedelivered', ({ redeliveryCount }) => boolean(redeliveryCount > 0)],
  ['JMSXDeliveryCount', ({ redeliveryCount }) => int(redeliveryCount + 1)],
  ['JMSXGroupID', ({ message }) => text(message.groupId)],
  ['JMSXGroupSeq', ({ message }) => int(message.groupSequence)],
  ['JMSXUserID', ({ message }) => text(message.userId)],
  ['JMSXProducerTXID', ({ message }) => text(transactionOf(message))],
  ['JMSActiveMQBrokerInTime', ({ message }) => long(message.brokerInTime)],
] satisfies [string, (of: Selectable) => SelectorValue | undefined][]);

function propertiesOf({ properties }: Message): PrimitiveMap {
  if (properties === undefined) return NO_PROPERTIES;
  try {
    return decodeProperties(properties);
  } catch (error) {
    // They are the producer's bytes. What cannot be read has no values, and matches accordingly.
    if (isBrokerError(error)) return NO_PROPERTIES;
    throw error;
  }
}

/** Its id as clients write it. */
export function messageIdOf({ id }: Message): string {
  const { textView } = id;
  if (textView === undefined) return `${id.producerId.key}:${id.producerSequence}`;
  return textView.startsWith('ID:') ? textView : `ID:${textView}`;
}

function transactionOf({ originalTransactionId, transactionId }: Message): string | undefined {
  const id = originalTransactionId ?? transactionId;
  return id === undefined ? undefined : formatTransactionId(id);
}

function text(value: string | undefined): SelectorValue | undefined {
  return value === undefined ? undefined : { kind: 'string', value };
}

function int(value: number): SelectorValue {
  return { kind: 'int', value };
}

function long(value: number): SelectorValue {
  return { kind: 'long', value };
}

function boolean(value: boolean): SelectorValue {
  return { kind: 'boolean', value };
}
