import { BrokerError } from '@batonmq/model';
import type { Frame } from '../codec/frame.ts';
import { OTHER_HEADER } from '../codec/header.ts';

/** What ActiveMQ lets a SUBSCRIBE say in headers, and a destination in its options. */
export interface ConsumerOptions {
  prefetchSize?: number;
  exclusive?: boolean;
  noLocal?: boolean;
  priority?: number;
  retroactive?: boolean;
  subscriptionName?: string;
  selector?: string;
}

const HEADER_PREFIX = 'activemq.';
const OPTION_PREFIX = 'consumer.';
const PREFIX_BYTES = Uint8Array.from(Buffer.from(HEADER_PREFIX));

/**
 * Reads headers such as `activemq.prefetchSize`, and the options of a destination such as
 * `/queue/A?consumer.prefetchSize=1`; headers come first.
 *
 * @throws `BATON_INVALID_OPTION` for one that does not exist or has no such value.
 */
export function consumerOptionsOf(frame: Frame, query: string | undefined): ConsumerOptions {
  const options: ConsumerOptions = {};
  for (const [key, value] of query === undefined ? [] : new URLSearchParams(query)) {
    if (key.startsWith(OPTION_PREFIX)) set(options, key, key.slice(OPTION_PREFIX.length), value);
  }
  const seen = new Set<string>();
  for (let index = 0; index < frame.headerCount; index += 1) {
    if (frame.headerAt(index) !== OTHER_HEADER || !isOption(frame, index)) continue;
    const name = frame.nameAt(index);
    if (!seen.has(name)) set(options, name, name.slice(HEADER_PREFIX.length), frame.valueAt(index));
    seen.add(name);
  }
  return options;
}

function isOption(frame: Frame, index: number): boolean {
  const start = frame.nameStartOf(index);
  return PREFIX_BYTES.every((byte, offset) => frame.bytes[start + offset] === byte);
}

function set(options: ConsumerOptions, name: string, option: string, text: string): void {
  const value = text.trim();
  switch (option) {
    case 'prefetchSize':
      options.prefetchSize = wholeNumber(name, value, 1, 2 ** 31 - 1);
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
      throw new BrokerError('BATON_INVALID_OPTION', `The option ${name} does not exist`, {
        details: { option: name },
      });
  }
}

function wholeNumber(name: string, value: string, least: number, most: number): number {
  const number = /^-?\d{1,10}$/.test(value) ? Number(value) : NaN;
  if (number >= least && number <= most) return number;
  throw invalid(name, value, `a whole number ${least} to ${most} is allowed`);
}

function truth(name: string, value: string): boolean {
  if (value === 'true' || value === 'false') return value === 'true';
  throw invalid(name, value, 'true and false are allowed');
}

function invalid(name: string, value: string, allowed: string): BrokerError {
  return new BrokerError('BATON_INVALID_OPTION', `${name} is "${value}"; ${allowed}`, {
    details: { option: name },
  });
}
