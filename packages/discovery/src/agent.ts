import type { Clock, Logger } from '@batonmq/runtime';
import type { BrokerUri } from './broker-uri.ts';

/** The brokers an agent knows of at one moment; complete, not a change to an earlier list. */
export interface MemberList {
  /** Grows with every list of an agent. A list with a smaller version than one seen is stale. */
  readonly version: number;
  /** Text forms of broker URIs, best first, each once. */
  readonly uris: readonly string[];
  /** True if the order is a preference to be kept; otherwise a client may shuffle. */
  readonly isOrdered: boolean;
}

/** Finds brokers. Made by a {@link DiscoveryPlugin}; owned and closed by who asked for it. */
export interface DiscoveryAgent {
  /** The URI it was made from, for logs and errors. */
  readonly uri: string;
  /** The list as it is now. */
  current(): MemberList;
  /**
   * Calls `changed` for every later list, until the returned function is called or the agent is
   * closed. Listeners must not throw.
   */
  watch(changed: (list: MemberList) => void): () => void;
  /**
   * Tells how a connection to a member ended, so that the agent can keep a member that fails at
   * once out of its list for a while. Agents that know better may ignore it.
   *
   * @param connectedMs - How long the connection worked; 0 if it could not be made.
   */
  reportFailure(uri: string, connectedMs: number): void;
  close(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

/** What agents are made of besides their URI. */
export interface DiscoveryComponents {
  readonly clock: Clock;
  readonly logger: Logger;
}

/** A kind of agent. One of a package of your own is passed along where a URI may name it. */
export interface DiscoveryPlugin {
  /** Schemes it answers to, in lower case without the colon. */
  readonly schemes: readonly string[];
  /** @throws BrokerError `BATON_INVALID_URI` or `BATON_INVALID_OPTION`. */
  create(uri: BrokerUri, components: DiscoveryComponents): DiscoveryAgent;
}
