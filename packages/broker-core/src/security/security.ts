import type { Destination } from '@batonmq/model';
import type { SecurityOptions } from './options.ts';

/** Who a client is, after it logged in. */
export interface Principal {
  readonly userName: string;
  readonly groups: readonly string[];
}

/** What a client shows of itself to log in. */
export interface Credentials {
  /** None, or empty, beside no password: the client asks to be let in as a guest. */
  readonly userName: string | undefined;
  readonly password: string | undefined;
  /** The subject of the TLS certificate it proved to own, as in RFC 4514, or none. */
  readonly certificateSubject?: string | undefined;
  /** `tcp://10.0.0.5:50412`. */
  readonly remoteAddress: string;
  readonly protocol: string;
}

/**
 * Finds out who a client is: the interface of a plug-in.
 *
 * It takes no other client's time, and an unknown user must take it as long as a wrong password:
 * the broker gives both the same answer, so time would be the only thing that tells them apart.
 * Guests are not its business.
 */
export interface Authenticator {
  /**
   * Resolves with none if the credentials are wrong. Rejects if it cannot tell, with a `BrokerError`
   * of kind `limit`, `timeout` or `unavailable` if the client should try again; it is refused either way.
   * `signal` is aborted when the broker does not wait any longer.
   */
  authenticate(
    credentials: Credentials,
    options: { readonly signal: AbortSignal },
  ): Promise<Principal | undefined>;
}

/** What may be done with a destination: consume and browse, send, create and remove. */
export type Action = 'read' | 'write' | 'admin';

/**
 * Says who may do what. It answers at once and from memory, and always the same: the broker
 * remembers answers as long as a connection lasts.
 */
export interface Authorizer {
  /**
   * `target` is never composite. It is a wildcard where a consumer asks for one; then the question is
   * whether there can be anything under it that may be read, and each destination is asked for when it is found.
   */
  isAllowed(principal: Principal, action: Action, target: Destination): boolean;
}

/** Who is let in, and to what. */
export interface BrokerSecurity {
  /** Knows the users. Without one there are only guests. */
  readonly authenticator?: Authenticator;
  /** Without one, everybody who is let in may do everything. */
  readonly authorizer?: Authorizer;
  readonly options?: SecurityOptions;
}
