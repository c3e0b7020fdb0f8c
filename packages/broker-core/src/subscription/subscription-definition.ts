import {
  BrokerError,
  compositeParts,
  isTemporary,
  isQueue,
  isWildcard,
  matchesPattern,
  parseDestination,
  type Destination,
} from '@batonmq/model';
import { isAdvisoryName } from '../security/reserved-names.ts';
import type { Principal } from '../security/security.ts';
import type { SubscribeOptions } from './subscription.ts';

const KEY_PREFIX = 'subscription://';

/** What a durable subscription is, apart from its messages. */
export interface SubscriptionDefinition {
  readonly clientId: string;
  /** Unique for a client id. */
  readonly name: string;
  /** A topic; also a wildcard or a composite of topics. */
  readonly destination: Destination;
  readonly selector?: string | undefined;
  readonly isNoLocal: boolean;
  /**
   * Whose rights say what a wildcard collects, also while nobody consumes; where rights are in
   * force. One without it collects nothing then.
   */
  readonly reader?: Principal | undefined;
}

/** The stored form; docs/formats/message.md. */
interface StoredDefinition {
  readonly clientId: string;
  readonly name: string;
  readonly destination: string;
  readonly selector?: string;
  readonly isNoLocal: boolean;
  readonly reader?: Principal;
}

/**
 * What a client asks for by naming a subscription.
 *
 * @throws `BATON_INVALID_DESTINATION` for a queue, a temporary or an advisory topic,
 *   `BATON_INVALID_ARGUMENT` for names that cannot be stored.
 */
export function definitionOf(
  name: string,
  { destination, selector, isNoLocal }: SubscribeOptions,
  clientId: string,
  reader: Principal | undefined,
): SubscriptionDefinition {
  for (const part of compositeParts(destination)) requireTopic(part);
  subscriptionKey(clientId, name);
  const hasSelector = selector !== undefined && selector.trim() !== '';
  return {
    clientId,
    name,
    destination,
    selector: hasSelector ? selector : undefined,
    isNoLocal,
    reader: compositeParts(destination).some(isWildcard) ? reader : undefined,
  };
}

/**
 * The text by which the store knows a subscription: `subscription://<client id>/<name>`, both
 * percent-encoded.
 *
 * @throws `BATON_INVALID_ARGUMENT` for a name that is empty or no Unicode text.
 */
export function subscriptionKey(clientId: string, name: string): string {
  if (name === '') {
    throw new BrokerError('BATON_INVALID_ARGUMENT', 'A durable subscription needs a name');
  }
  try {
    return `${KEY_PREFIX}${encodeURIComponent(clientId)}/${encodeURIComponent(name)}`;
  } catch (cause) {
    throw new BrokerError(
      'BATON_INVALID_ARGUMENT',
      'Client id and name of a durable subscription must be Unicode text',
      { cause, details: { clientId, name } },
    );
  }
}

export function isSubscriptionKey(key: string): boolean {
  return key.startsWith(KEY_PREFIX);
}

/** True if a client that asks for `other` gets what `definition` has collected. */
export function isSameDefinition(
  definition: SubscriptionDefinition,
  other: SubscriptionDefinition,
): boolean {
  return (
    definition.destination.key === other.destination.key &&
    definition.selector === other.selector &&
    definition.isNoLocal === other.isNoLocal
  );
}

/** True if messages to `topic` are for that subscription, as far as names go. */
export function coversTopic({ destination }: SubscriptionDefinition, topic: Destination): boolean {
  return compositeParts(destination).some(
    (part) => part.kind === topic.kind && matchesPattern(part.name, topic.name),
  );
}

/** True if the rights to a wildcard's messages are the same. */
export function hasSameReader(
  { reader }: SubscriptionDefinition,
  { reader: other }: SubscriptionDefinition,
): boolean {
  return JSON.stringify(reader) === JSON.stringify(other);
}

export function encodeDefinition(definition: SubscriptionDefinition): Uint8Array {
  const { clientId, name, destination, selector, isNoLocal, reader } = definition;
  const stored: StoredDefinition = {
    clientId,
    name,
    destination: destination.key,
    ...(selector !== undefined && { selector }),
    isNoLocal,
    ...(reader !== undefined && { reader }),
  };
  return Buffer.from(JSON.stringify(stored));
}

export function decodeDefinition(value: Uint8Array): SubscriptionDefinition {
  const stored = JSON.parse(Buffer.from(value).toString()) as StoredDefinition;
  return { ...stored, destination: parseDestination(stored.destination) };
}

function requireTopic(part: Destination): void {
  const isStorable = !isQueue(part) && !isTemporary(part) && !isAdvisoryName(part);
  if (isStorable) return;
  throw new BrokerError(
    'BATON_INVALID_DESTINATION',
    `Cannot create a durable subscription for ${part.key}: only topics have them, not temporary ones or advisories`,
    { details: { destination: part.key } },
  );
}
