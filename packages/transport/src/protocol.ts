import type { TransportConnection } from './connection.ts';

/** A wire protocol as listeners see it: how its peers begin to speak, and who takes them over. */
export interface Protocol {
  /** `openwire`, `stomp`: how listen URIs and logs call it. */
  readonly name: string;
  /**
   * The WebSocket sub-protocols it is spoken under, best first; an empty one is for peers that offer
   * none. Not spoken over WebSocket without them. A protocol that has some must say `peerLoggedIn`.
   */
  readonly subprotocols?: readonly string[];
  /**
   * Whether a peer whose first bytes are these speaks this protocol; undefined if more bytes are
   * needed. Asked again with all bytes so far, at most until there are 64. Must not throw.
   */
  recognises(firstBytes: Uint8Array): boolean | undefined;
  /** Takes a connection over and starts it in the same turn; what was read of it is delivered again. */
  accept(connection: TransportConnection): void;
}
