import {
  BrokerError,
  parseConsumerOptions,
  setConsumerOption,
  type ConsumerOptions,
} from '@batonmq/model';
import type { Frame } from '../codec/frame.ts';
import { OTHER_HEADER } from '../codec/header.ts';

const HEADER_PREFIX = 'activemq.';
const PREFIX_BYTES = Uint8Array.from(Buffer.from(HEADER_PREFIX));

/**
 * Reads headers such as `activemq.prefetchSize`, and the options of a destination such as
 * `/queue/A?consumer.prefetchSize=1`; headers come first.
 *
 * @throws `BATON_INVALID_OPTION` for one that does not exist or has no such value.
 */
export function consumerOptionsOf(frame: Frame, query: string | undefined): ConsumerOptions {
  const options = query === undefined ? {} : parseConsumerOptions(query);
  const seen = new Set<string>();
  for (let index = 0; index < frame.headerCount; index += 1) {
    if (frame.headerAt(index) !== OTHER_HEADER || !isOption(frame, index)) continue;
    const name = frame.nameAt(index);
    if (!seen.has(name)) {
      setConsumerOption(options, name, name.slice(HEADER_PREFIX.length), frame.valueAt(index));
    }
    seen.add(name);
  }
  // STOMP has no frame to ask for a message with.
  if (options.prefetchSize === 0) {
    throw new BrokerError('BATON_INVALID_OPTION', 'prefetchSize is 0; at least 1 is allowed');
  }
  return options;
}

function isOption(frame: Frame, index: number): boolean {
  const start = frame.nameStartOf(index);
  return PREFIX_BYTES.every((byte, offset) => frame.bytes[start + offset] === byte);
}
