import { BrokerError } from '@batonmq/model';
import type { Frame } from '../codec/frame.ts';
import { HEADER } from '../codec/header.ts';

/** ActiveMQ makes XML or JSON of the objects and maps of Java clients if asked so; BatonMQ loads no classes. */
export function refuseTransformation(frame: Frame): never {
  const transformation = frame.text(HEADER.transformation) ?? '';
  throw new BrokerError(
    'BATON_UNSUPPORTED',
    `The transformation "${transformation}" is not supported: bodies pass as they are`,
    { details: { transformation } },
  );
}
