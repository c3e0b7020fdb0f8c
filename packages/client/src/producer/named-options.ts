import { BrokerError, destination, type Destination } from '@batonmq/model';
import type { ProducerOptions } from './producer.ts';

const PREFIX = 'producer.';
/** A name may be shared by consumers and producers; these are the other side's. */
const CONSUMER_PREFIX = 'consumer.';

/**
 * What the name of a destination says about its producer (`orders?producer.windowSize=65536`), and the
 * destination without it.
 *
 * @throws BrokerError `BATON_INVALID_OPTION`
 */
export function splitProducerOptions(target: Destination): {
  readonly to: Destination;
  readonly options: Pick<ProducerOptions, 'windowBytes'>;
} {
  const mark = target.name.indexOf('?');
  if (mark < 0) return { to: target, options: {} };
  const to = destination(target.kind, target.name.slice(0, mark));
  let options: Pick<ProducerOptions, 'windowBytes'> = {};
  for (const [name, value] of new URLSearchParams(target.name.slice(mark + 1))) {
    if (name === `${PREFIX}windowSize`) options = { windowBytes: wholeNumber(name, value) };
    // Here nothing ever waits for a broker that takes its time.
    else if (name === `${PREFIX}dispatchAsync`) requireTruth(name, value);
    else if (!name.startsWith(CONSUMER_PREFIX)) {
      throw invalid(name, `The option ${name} does not exist`);
    }
  }
  return { to, options };
}

function wholeNumber(name: string, text: string): number {
  if (/^\d{1,10}$/.test(text) && Number(text) < 2 ** 31) return Number(text);
  throw invalid(name, `${name} is "${text}"; a whole number from 0 to ${2 ** 31 - 1} is allowed`);
}

function requireTruth(name: string, text: string): void {
  if (text === 'true' || text === 'false') return;
  throw invalid(name, `${name} is "${text}"; true and false are allowed`);
}

function invalid(option: string, message: string): BrokerError {
  return new BrokerError('BATON_INVALID_OPTION', message, { details: { option } });
}
