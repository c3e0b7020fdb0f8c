import { destination, type Destination, type DestinationKind } from '@batonmq/model';
import type { WireDestination } from '@batonmq/openwire';
import { BoundedMap } from './bounded-map.ts';
import { missing } from './identity.ts';

/** Destinations in use at a time, in each direction; more only cost their conversion again. */
const DESTINATION_COUNT_MAX = 10_000;

const KINDS: Readonly<Record<WireDestination['type'], DestinationKind>> = {
  ActiveMQQueue: 'queue',
  ActiveMQTopic: 'topic',
  ActiveMQTempQueue: 'temp-queue',
  ActiveMQTempTopic: 'temp-topic',
};

const TYPES: Readonly<Record<DestinationKind, WireDestination['type']>> = {
  queue: 'ActiveMQQueue',
  topic: 'ActiveMQTopic',
  'temp-queue': 'ActiveMQTempQueue',
  'temp-topic': 'ActiveMQTempTopic',
};

const fromWire: Readonly<Record<WireDestination['type'], BoundedMap<string, Destination>>> = {
  ActiveMQQueue: new BoundedMap(DESTINATION_COUNT_MAX),
  ActiveMQTopic: new BoundedMap(DESTINATION_COUNT_MAX),
  ActiveMQTempQueue: new BoundedMap(DESTINATION_COUNT_MAX),
  ActiveMQTempTopic: new BoundedMap(DESTINATION_COUNT_MAX),
};

const toWire = new BoundedMap<string, WireDestination>(DESTINATION_COUNT_MAX);

/** @throws `BATON_INVALID_ARGUMENT` if it is missing, `BATON_INVALID_DESTINATION` if its name is empty. */
export function destinationOf(wire: WireDestination | null): Destination {
  if (wire === null) throw missing('destination');
  const name = wire.physicalName ?? '';
  const known = fromWire[wire.type];
  return known.get(name) ?? known.set(name, destination(KINDS[wire.type], withoutOptions(name)));
}

/** As {@link destinationOf}; a missing one is allowed. */
export function optionalDestinationOf(wire: WireDestination | null): Destination | undefined {
  return wire === null ? undefined : destinationOf(wire);
}

export function wireDestination(target: Destination): WireDestination {
  const known = toWire.get(target.key);
  if (known !== undefined) return known;
  return toWire.set(target.key, { type: TYPES[target.kind], physicalName: target.name });
}

/** `A.B?consumer.prefetchSize=1`: the options are for the client that was given the name. */
function withoutOptions(name: string): string {
  const end = name.indexOf('?');
  return end < 0 ? name : name.slice(0, end);
}
