import { BrokerError } from './broker-error.ts';
import { destination, type Destination } from './destination.ts';

/** What ActiveMQ lets a destination's name say about its consumer: `orders?consumer.priority=5`. */
export interface ConsumerOptions {
  prefetchSize?: number;
  exclusive?: boolean;
  noLocal?: boolean;
  priority?: number;
  retroactive?: boolean;
  subscriptionName?: string;
  selector?: string;
  maximumPendingMessageLimit?: number;
}

const PREFIX = 'consumer.';
/** A name may be shared by consumers and producers; these are the other side's. */
const PRODUCER_PREFIX = 'producer.';

/**
 * Takes the options out of a destination's name: what follows its first question mark.
 *
 * @returns the destination without them, and what they say; itself and nothing if it has none.
 * @throws BrokerError `BATON_INVALID_OPTION` for one that does not exist, has no such value or is there
 * twice.
 */
export function splitConsumerOptions(target: Destination): {
  readonly destination: Destination;
  readonly options: ConsumerOptions;
} {
  const mark = target.name.indexOf('?');
  if (mark < 0) return { destination: target, options: {} };
  return {
    destination: destination(target.kind, target.name.slice(0, mark)),
    options: parseConsumerOptions(target.name.slice(mark + 1)),
  };
}

/** Reads `consumer.prefetchSize=1&consumer.exclusive=true`; errors as {@link splitConsumerOptions}. */
export function parseConsumerOptions(query: string): ConsumerOptions {
  const options: ConsumerOptions = {};
  const seen = new Set<string>();
  for (const [name, value] of new URLSearchParams(query)) {
    if (name.startsWith(PRODUCER_PREFIX)) continue;
    if (!name.startsWith(PREFIX)) throw unknown(name);
    if (seen.has(name)) throw invalid(name, value, 'it is there once already');
    seen.add(name);
    setConsumerOption(options, name, name.slice(PREFIX.length), value);
  }
  return options;
}

/**
 * Sets one option from its text.
 *
 * @param name - As its user wrote it, for errors, which are those of {@link splitConsumerOptions}.
 */
export function setConsumerOption(
  options: ConsumerOptions,
  name: string,
  option: string,
  text: string,
): void {
  const value = text.trim();
  switch (option) {
    case 'prefetchSize':
    case 'maximumPendingMessageLimit':
      options[option] = wholeNumber(name, value, 0, 2 ** 31 - 1);
      return;
    case 'priority':
      options.priority = wholeNumber(name, value, -128, 127);
      return;
    case 'exclusive':
    case 'noLocal':
    case 'retroactive':
      options[option] = truth(name, value);
      return;
    case 'subscriptionName':
    case 'selector':
      options[option] = value;
      return;
    // Here nothing ever waits for a consumer that takes its time.
    case 'dispatchAsync':
      truth(name, value);
      return;
    default:
      throw unknown(name);
  }
}

function wholeNumber(name: string, value: string, least: number, most: number): number {
  const number = /^-?\d{1,10}$/.test(value) ? Number(value) : NaN;
  if (number >= least && number <= most) return number;
  throw invalid(name, value, `a whole number from ${least} to ${most} is allowed`);
}

function truth(name: string, value: string): boolean {
  if (value === 'true' || value === 'false') return value === 'true';
  throw invalid(name, value, 'true and false are allowed');
}

function unknown(name: string): BrokerError {
  return new BrokerError('BATON_INVALID_OPTION', `The option ${name} does not exist`, {
    details: { option: name },
  });
}

function invalid(name: string, value: string, problem: string): BrokerError {
  return new BrokerError('BATON_INVALID_OPTION', `${name} is "${value}"; ${problem}`, {
    details: { option: name },
  });
}
