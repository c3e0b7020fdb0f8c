import { parseConsumerOptions, setConsumerOption, type ConsumerOptions } from '@batonmq/model';
import type { Frame } from '../codec/frame.ts';
import { OTHER_HEADER } from '../codec/header.ts';

const PREFIX = 'activemq.';
const PREFIX_BYTES = Uint8Array.from(Buffer.from(PREFIX));

/**
 * What ActiveMQ lets a SUBSCRIBE say in headers such as `activemq.prefetchSize`, and a destination in its options
 * such as `/queue/A?consumer.prefetchSize=1`; headers come first.
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
      setConsumerOption(options, name, name.slice(PREFIX.length), frame.valueAt(index));
    }
    seen.add(name);
  }
  return options;
}

function isOption(frame: Frame, index: number): boolean {
  const start = frame.nameStartOf(index);
  return PREFIX_BYTES.every((byte, offset) => frame.bytes[start + offset] === byte);
}
