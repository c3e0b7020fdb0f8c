import type { Destination } from '@batonmq/model';

/** Who a client is, after it logged in. */
export interface Principal {
  /** Empty for a guest. */
  readonly userName: string;
  readonly groups: readonly string[];
}

/** What a client shows of itself to log in. */
export interface Credentials {
  readonly userName: string | undefined;
  readonly password: string | undefined;
  /** The subject of the TLS certificate it proved to own, as in RFC 4514, or none. */
  readonly certificateSubject: string | undefined;
  readonly remoteAddress: string;
}

/**
 * Finds out who a client is: the interface of a plug-in.
 *
 * It answers within its own deadline, takes no other client's time, and never says why it refuses.
 */
export interface Authenticator {
  /** Resolves with none if the credentials are wrong. Rejects if it cannot tell; the client is refused then too. */
  authenticate(credentials: Credentials): Promise<Principal | undefined>;
}

/** What may be done with a destination. */
export type Action = 'read' | 'write' | 'admin';

/** Says who may do what. Asked on every send, so it answers at once and from memory. */
export interface Authorizer {
  isAllowed(principal: Principal, action: Action, target: Destination): boolean;
}
