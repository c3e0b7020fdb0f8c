import type { Broker } from '@batonmq/broker-core';
import type { BrokerError } from '@batonmq/model';
import type { Clock, Logger, Random } from '@batonmq/runtime';
import {
  PeerSet,
  type Protocol as TransportProtocol,
  type TransportConnection,
} from '@batonmq/transport';
import { looksLikeStomp } from './codec/command.ts';
import { MessageHeaders } from './message/message-headers.ts';
import { resolveStompOptions, type StompOptions, type StompSettings } from './options.ts';
import { Peer, type PeerContext } from './peer.ts';

/** What {@link stompProtocol} needs. */
export interface StompProtocolInit {
  readonly broker: Broker;
  readonly components: {
    readonly clock: Clock;
    readonly random: Random;
    readonly logger: Logger;
  };
  readonly options?: StompOptions;
}

/** Serves STOMP clients at one broker. */
export interface StompProtocol extends TransportProtocol {
  /** Connections open now. */
  readonly connectionCount: number;
  /** Takes a connection over, in the turn in which a listener handed it out. */
  accept(connection: TransportConnection): void;
  /**
   * Closes all connections at once, without a word: the broker may no longer answer for its store.
   * New ones may be accepted at any time.
   */
  disconnectAll(reason: BrokerError): void;
  /**
   * Sends what is on its way to the clients, and closes their connections; the slow ones are cut
   * after `timeoutMs` (default 1000). Nothing may be accepted after this.
   */
  close(options?: { timeoutMs?: number }): Promise<void>;
}

/**
 * Makes the STOMP side of a broker.
 *
 * @throws `BATON_INVALID_OPTION`, naming everything that is wrong.
 */
export function stompProtocol(init: StompProtocolInit): StompProtocol {
  return new Protocol(init, resolveStompOptions(init.options));
}

class Protocol implements StompProtocol {
  readonly name = 'stomp';
  // Peers that offer no sub-protocol speak STOMP, as with ActiveMQ.
  readonly subprotocols = ['v12.stomp', 'v11.stomp', 'v10.stomp', 'stomp', ''];
  readonly recognises = looksLikeStomp;
  readonly #peers = new PeerSet<Peer>();
  readonly #context: PeerContext;
  #isClosed = false;
  #connectionNumber = 0;

  constructor({ broker, components }: StompProtocolInit, settings: StompSettings) {
    const { clock, random, logger } = components;
    // Names this run of the broker: ids of connections must never come again.
    const run = `${clock.wallTime()}-${Buffer.from(random.bytes(4)).toString('hex')}`;
    this.#context = {
      broker,
      clock,
      random,
      logger: logger.child({ protocol: 'stomp' }),
      settings,
      messageHeaders: {
        '1.0': new MessageHeaders('1.0'),
        '1.1': new MessageHeaders('1.1'),
        '1.2': new MessageHeaders('1.2'),
      },
      nextConnectionId: () => {
        this.#connectionNumber += 1;
        return `ID:${broker.name}-${run}-${this.#connectionNumber}:1`;
      },
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
    this.#peers.add(new Peer(connection, this.#context));
  }

  disconnectAll(reason: BrokerError): void {
    this.#peers.abortAll(reason);
  }

  async close(options: { timeoutMs?: number } = {}): Promise<void> {
    this.#isClosed = true;
    await this.#peers.close((peer) => peer.close(options.timeoutMs));
  }
}
