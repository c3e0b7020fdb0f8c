import { destination, parseDestination, type Destination } from '@batonmq/model';
import { command, type WireDestination } from '@batonmq/openwire';

/** A destination, or its text: `queue://orders`, `topic://news`, or a bare name for a queue. */
export type DestinationLike = Destination | string;

export function toDestination(target: DestinationLike): Destination {
  return typeof target === 'string' ? parseDestination(target) : target;
}

export function toWireDestination({ kind, name }: Destination): WireDestination {
  switch (kind) {
    case 'queue':
      return command('ActiveMQQueue', { physicalName: name });
    case 'topic':
      return command('ActiveMQTopic', { physicalName: name });
    case 'temp-queue':
      return command('ActiveMQTempQueue', { physicalName: name });
    case 'temp-topic':
      return command('ActiveMQTempTopic', { physicalName: name });
  }
}

const KIND = {
  ActiveMQQueue: 'queue',
  ActiveMQTopic: 'topic',
  ActiveMQTempQueue: 'temp-queue',
  ActiveMQTempTopic: 'temp-topic',
} as const;

export function fromWireDestination(wire: WireDestination | null): Destination | undefined {
  const name = wire?.physicalName ?? '';
  return wire === null || name === '' ? undefined : destination(KIND[wire.type], name);
}
