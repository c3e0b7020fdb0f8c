import { BrokerError } from '@batonmq/model';

const EXCERPT_UNITS = 24;

/** The selector breaks the grammar or a rule of it, at `position`. */
export function invalidSelector(text: string, position: number, problem: string): BrokerError {
  return new BrokerError(
    'BATON_INVALID_SELECTOR',
    `The message selector is not valid at position ${position} (${excerpt(text, position)}): ${problem}`,
    { details: { position, problem } },
  );
}

/** The selector uses something that ActiveMQ has and BatonMQ does not. */
export function unsupportedInSelector(
  text: string,
  position: number,
  problem: string,
): BrokerError {
  return new BrokerError(
    'BATON_UNSUPPORTED',
    `The message selector is not supported at position ${position} (${excerpt(text, position)}): ${problem}`,
    { details: { position, problem } },
  );
}

function excerpt(text: string, position: number): string {
  if (position >= text.length) return 'its end';
  const end = position + EXCERPT_UNITS;
  return JSON.stringify(text.slice(position, end)) + (end < text.length ? '…' : '');
}
