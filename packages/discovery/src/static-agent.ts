import { BrokerError } from '@batonmq/model';
import type { CancelTimer } from '@batonmq/runtime';
import type { DiscoveryAgent, DiscoveryComponents, DiscoveryPlugin, MemberList } from './agent.ts';
import { formatBrokerUri, type BrokerUri } from './broker-uri.ts';
import {
  memberFailed,
  STATIC_OPTIONS,
  type MemberBackOff,
  type StaticSettings,
} from './member-back-off.ts';
import { resolveUriOptions } from './uri-options.ts';

/** `static:(uri,uri,…)`, also called `simple:`: the brokers are those in the URI, in no order. */
export const staticDiscovery: DiscoveryPlugin = {
  schemes: ['static', 'simple'],
  create: (uri, components) => fixedList(uri, components, false),
};

/**
 * `masterslave:(first,second,…)`: at least two brokers of which one is active at a time. The order
 * is kept, so that the first one is tried first.
 */
export const masterSlaveDiscovery: DiscoveryPlugin = {
  schemes: ['masterslave'],
  create: (uri, components) => {
    if (uri.kind !== 'composite' || uri.components.length < 2) {
      throw new BrokerError(
        'BATON_INVALID_URI',
        `The URI "${formatBrokerUri(uri)}" has to name at least two brokers: "masterslave:(tcp://a:61616,tcp://b:61616)"`,
        { details: { position: uri.position } },
      );
    }
    return fixedList(uri, components, true);
  },
};

function fixedList(
  uri: BrokerUri,
  components: DiscoveryComponents,
  isOrdered: boolean,
): DiscoveryAgent {
  if (uri.kind !== 'composite' || uri.components.length === 0) {
    throw new BrokerError(
      'BATON_INVALID_URI',
      `The URI "${formatBrokerUri(uri)}" has to name brokers: "${uri.scheme}:(tcp://a:61616)"`,
      { details: { position: uri.position } },
    );
  }
  const settings = resolveUriOptions(STATIC_OPTIONS, uri.query, `${uri.scheme}:`);
  const uris = [...new Set(uri.components.map(formatBrokerUri))];
  return new StaticAgent(formatBrokerUri(uri), uris, isOrdered, settings, components);
}

class StaticAgent implements DiscoveryAgent {
  readonly uri: string;
  readonly #uris: readonly string[];
  readonly #isOrdered: boolean;
  readonly #settings: StaticSettings;
  readonly #components: DiscoveryComponents;
  readonly #listeners = new Set<(list: MemberList) => void>();
  /** Members that failed, at most all of the list. */
  readonly #failed = new Map<string, MemberBackOff>();
  /** Members that are out now, with the timer that brings them back, if one does. */
  readonly #out = new Map<string, CancelTimer>();
  #version = 1;

  constructor(
    uri: string,
    uris: readonly string[],
    isOrdered: boolean,
    settings: StaticSettings,
    components: DiscoveryComponents,
  ) {
    this.uri = uri;
    this.#uris = uris;
    this.#isOrdered = isOrdered;
    this.#settings = settings;
    this.#components = components;
  }

  current(): MemberList {
    const uris = this.#uris.filter((uri) => !this.#out.has(uri));
    return { version: this.#version, uris, isOrdered: this.#isOrdered };
  }

  watch(changed: (list: MemberList) => void): () => void {
    const listener = (list: MemberList): void => {
      changed(list);
    };
    this.#listeners.add(listener);
    return () => {
      this.#listeners.delete(listener);
    };
  }

  reportFailure(uri: string, connectedMs: number): void {
    if (!this.#uris.includes(uri) || this.#out.has(uri)) return;
    const state = memberFailed(this.#failed.get(uri), connectedMs, this.#settings);
    this.#failed.set(uri, state);
    if (state.delayMs === undefined) {
      this.#components.logger.log('warn', 'broker given up after failing too often', {
        uri,
        attempts: state.attempts,
      });
      this.#out.set(uri, () => undefined);
    } else {
      this.#out.set(
        uri,
        this.#components.clock.setTimer(state.delayMs, () => {
          this.#listAgain(uri);
        }),
      );
    }
    this.#changed();
  }

  close(): Promise<void> {
    for (const cancel of this.#out.values()) cancel();
    this.#listeners.clear();
    return Promise.resolve();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #listAgain(uri: string): void {
    this.#out.delete(uri);
    this.#changed();
  }

  #changed(): void {
    this.#version++;
    const list = this.current();
    for (const listener of [...this.#listeners]) listener(list);
  }
}
