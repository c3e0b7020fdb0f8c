import type { BrokerError } from '@batonmq/model';

/** The other end of a connection, as far as a {@link PeerSet} is concerned. */
interface SetPeer {
  abort(reason: BrokerError): void;
}

/** The peers of a protocol, from their first byte until their sockets are closed. */
export class PeerSet<P extends SetPeer> {
  readonly #peers = new Set<P>();
  readonly #ending = new Set<Promise<void>>();

  /** Peers that are not over. */
  get size(): number {
    return this.#peers.size;
  }

  add(peer: P): void {
    this.#peers.add(peer);
  }

  /** The peer is over; its socket is when `socketEnded` resolves. */
  left(peer: P, socketEnded: Promise<void>): void {
    this.#peers.delete(peer);
    this.#ending.add(socketEnded);
    void socketEnded.finally(() => this.#ending.delete(socketEnded));
  }

  abortAll(reason: BrokerError): void {
    for (const peer of [...this.#peers]) peer.abort(reason);
  }

  /** Closes every peer with `close`; resolves when all sockets are closed. */
  async close(close: (peer: P) => Promise<void>): Promise<void> {
    await Promise.all([...this.#peers].map(close));
    await Promise.all(this.#ending);
  }
}
