import { encodeProperties } from '@batonmq/message-content';
import type { Message } from '@batonmq/model';
import { propertiesOf } from './message-properties.ts';

/** A producer sets it on what a topic is to keep for those who come later. */
const RETAIN = 'ActiveMQ.Retain';
/** The broker sets it on what it has kept. */
const RETAINED = 'ActiveMQ.Retained';

/** True if its producer wants it kept: boolean `true`, or the text of it. */
export function isMarkedRetain(message: Message): boolean {
  const value = propertiesOf(message)?.get(RETAIN);
  if (value?.kind === 'boolean') return value.value;
  return value?.kind === 'string' && value.value.toLowerCase() === 'true';
}

/** The message as it is delivered at once. */
export function withoutRetain(message: Message): Message {
  const properties = propertiesOf(message);
  if (properties?.has(RETAIN) !== true) return message;
  const shown = new Map(properties);
  shown.delete(RETAIN);
  return { ...message, properties: encodeProperties(shown) ?? undefined };
}

/** The message as one gets it who comes later. */
export function asRetained(message: Message): Message {
  const shown = new Map(propertiesOf(message) ?? []);
  shown.delete(RETAIN);
  shown.set(RETAINED, { kind: 'boolean', value: true });
  return { ...message, properties: encodeProperties(shown) ?? undefined };
}
