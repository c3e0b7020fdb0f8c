import type { Broker } from '@batonmq/broker-core';
import type { BrokerError } from '@batonmq/model';
import { preferredWireFormatInfo, type WireFormatInfo } from '@batonmq/openwire';
import type { Clock, Logger } from '@batonmq/runtime';
import {
  PeerSet,
  type Protocol as TransportProtocol,
  type TransportConnection,
} from '@batonmq/transport';
import { Advisories } from './advisory/advisories.ts';
import { resolveOpenWireOptions, type OpenWireOptions, type OpenWireSettings } from './options.ts';
import { looksLikeOpenWire } from './first-frame.ts';
import { Peer, type PeerContext } from './peer.ts';

/** What {@link openWireProtocol} needs. */
export interface OpenWireProtocolInit {
  readonly broker: Broker;
  readonly components: {
    readonly clock: Clock;
    readonly logger: Logger;
  };
  readonly options?: OpenWireOptions;
}

/** Serves OpenWire clients at one broker. */
export interface OpenWireProtocol extends TransportProtocol {
  /** Connections open now. */
  readonly connectionCount: number;
  /** Takes a connection over, in the turn in which a listener handed it out. */
  accept(connection: TransportConnection): void;
  /**
   * Closes all connections at once, without a word: the broker may no longer answer for its store.
   * Failover clients go on to the next broker. New ones may be accepted at any time.
   */
  disconnectAll(reason: BrokerError): void;
  /**
   * Says good-bye to all clients, sends what is on its way to them, and closes their connections; the
   * slow ones are cut after `timeoutMs` (default 1000). Nothing may be accepted after this.
   */
  close(options?: { timeoutMs?: number }): Promise<void>;
}

/**
 * Makes the OpenWire side of a broker.
 *
 * @throws `BATON_INVALID_OPTION`, naming everything that is wrong.
 */
export function openWireProtocol(init: OpenWireProtocolInit): OpenWireProtocol {
  return new Protocol(init, resolveOpenWireOptions(init.options));
}

class Protocol implements OpenWireProtocol {
  readonly name = 'openwire';
  readonly subprotocols = ['openwire'];
  readonly recognises = looksLikeOpenWire;
  readonly #peers = new PeerSet<Peer>();
  readonly #context: PeerContext;
  #isClosed = false;

  constructor({ broker, components }: OpenWireProtocolInit, settings: OpenWireSettings) {
    this.#context = {
      broker,
      clock: components.clock,
      logger: components.logger.child({ protocol: 'openwire' }),
      settings,
      preferences: preferencesOf(settings),
      advisories: new Advisories(broker, components.clock),
      left: (peer, socketEnded) => {
        this.#peers.left(peer, socketEnded);
      },
    };
  }

  get connectionCount(): number {
    return this.#peers.size;
  }

  accept(connection: TransportConnection): void {
    if (this.#isClosed) {
      connection.destroy();
      return;
    }
    this.#context.advisories.reachedAt(connection.localAddress);
    this.#peers.add(new Peer(connection, this.#context));
  }

  disconnectAll(reason: BrokerError): void {
    this.#peers.abortAll(reason);
  }

  async close(options: { timeoutMs?: number } = {}): Promise<void> {
    this.#isClosed = true;
    await this.#peers.close((peer) => peer.shutDown(options.timeoutMs));
    this.#context.advisories.stop();
  }
}

function preferencesOf(settings: OpenWireSettings): WireFormatInfo {
  return preferredWireFormatInfo({
    tightEncodingEnabled: settings.isTightEncodingOffered,
    cacheEnabled: settings.isCacheOffered,
    cacheSize: settings.cacheSlotCount,
    maxFrameSize: settings.frameBytesMax,
    maxInactivityDurationMs: settings.inactivityTimeoutMs,
    maxInactivityInitialDelayMs: settings.inactivityInitialDelayMs,
    // Java's traces are long, and all that is kept of an exception is its class and its text.
    stackTraceEnabled: false,
    providerName: 'BatonMQ',
  });
}
