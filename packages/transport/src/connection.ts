import type { TlsIdentity } from './tls.ts';

/** Where a connection's outgoing bytes come from when it is flushed. */
export interface OutputSource {
  /** Hands over everything to be sent now, in order; the pieces are never written to again. */
  take(): readonly Uint8Array[];
}

/** What the owner of a connection is told. Calls never overlap. */
export interface ConnectionHandler extends OutputSource {
  /** Bytes arrived. They belong to the handler and are not reused. */
  received(chunk: Uint8Array): void;
  /** The bytes waiting to be sent fell below the low-water mark again. */
  drained(): void;
  /** Once, when the connection is over; `error` is missing after an orderly close by either side. */
  closed(error?: Error): void;
}

/** A byte stream to a peer: TCP, TLS, or the messages of a WebSocket one after the other. */
export interface TransportConnection {
  /** `tcp://127.0.0.1:50412`, or `ssl:`, `ws:`, `wss:`; for logs and errors. */
  readonly remoteAddress: string;
  readonly localAddress: string;
  /** The sub-protocol that a WebSocket peer and we agreed on; none for other transports. */
  readonly subprotocol?: string | undefined;
  /** Subject of the certificate that the peer proved to own, as in RFC 4514; none without TLS or a verified one. */
  readonly certificateSubject?: string | undefined;
  /** Bytes taken from the handler and not yet accepted by the kernel. */
  readonly bufferedBytes: number;
  /** True while `bufferedBytes` is above the high-water mark: a sender with a choice should stop until `drained`. */
  readonly isCongested: boolean;
  /** Begins delivery to `handler`; called once, in the turn in which the connection was handed out. */
  start(handler: ConnectionHandler): void;
  /** Asks for {@link OutputSource.take} at the end of this turn; any number of calls in a turn cost one socket write. */
  requestFlush(): void;
  /** Stops and resumes reading from the socket. Counted: each pause needs its own resume. */
  pause(): void;
  resume(): void;
  /**
   * The peer has proved who it is. A WebSocket takes little from strangers, because it holds a message
   * until all of it is there; other transports hold nothing and have no such call.
   */
  peerLoggedIn?(): void;
  /** Flushes, then closes in order; resolves when the socket is closed, at the latest after `timeoutMs` (default 1000). */
  close(options?: { timeoutMs?: number }): Promise<void>;
  /** Closes at once, dropping what is buffered. */
  destroy(error?: Error): void;
}

/** An open listening socket for several protocols. */
export interface ServedListener extends Listener {
  /**
   * Peers that come from now on see this identity; those that are connected stay.
   *
   * @throws `BATON_INVALID_OPTION` if its parts do not go together; the old one stays then.
   */
  renewTls(identity: TlsIdentity): void;
}

/** An open listening socket. */
export interface Listener {
  /** The URI with the port the system chose: `tcp://127.0.0.1:61616`. */
  readonly uri: string;
  /** Stops accepting; connections already accepted are their owner's to close. */
  close(): Promise<void>;
}
