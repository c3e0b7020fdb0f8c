import type { Broker } from '@batonmq/broker-core';
import type { BrokerError } from '@batonmq/model';
import { openWireProtocol } from '@batonmq/protocol-openwire';
import { stompProtocol } from '@batonmq/protocol-stomp';
import type { RuntimeComponents } from '@batonmq/runtime';
import type { Protocol } from '@batonmq/transport';
import type { Settings } from './config/settings.ts';

/** A protocol as the program runs it. */
export interface ServedProtocol extends Protocol {
  /** Closes all connections at once, without a word. */
  disconnectAll(reason: BrokerError): void;
  /** Lets all clients go in order. Nothing may be accepted after this. */
  close(): Promise<void>;
}

/** The names of {@link createProtocols}, for listen URIs that are judged before there is a broker. */
export const PROTOCOL_NAMES: readonly string[] = ['openwire', 'stomp'];

/** Everything that clients of this broker may speak. */
export function createProtocols(
  broker: Broker,
  components: RuntimeComponents,
  { openwire = {}, stomp = {} }: Settings,
): readonly ServedProtocol[] {
  return [
    openWireProtocol({ broker, components, options: openwire }),
    stompProtocol({ broker, components, options: stomp }),
  ];
}
