import {
  formatBrokerUri,
  parseBrokerUri,
  withOptions,
  type DiscoveryAgent,
} from '@batonmq/discovery';
import { BrokerError } from '@batonmq/model';
import type { Command } from '@batonmq/openwire';
import type { CancelTimer, RuntimeComponents } from '@batonmq/runtime';
import type { DialOptions } from '@batonmq/transport';
import type { ClientSettings } from '../client-settings.ts';
import { asError, isPermanent } from '../errors.ts';
import { endpointOptions } from '../uri-settings.ts';
import { tlsTrust, type TlsUriOptions } from '../wire/tls-trust.ts';
import { openWireLink, type WireLink } from '../wire/wire-link.ts';
import { readMembers } from './member-source.ts';
import { initialReconnectState, stepReconnect } from './reconnect-policy.ts';
import type {
  Generation,
  ReconnectEffect,
  ReconnectEvent,
  ReconnectNews,
  ReconnectState,
  TimerName,
} from './reconnect-state.ts';

/** Who uses the connection that the policy chose. */
export interface FailoverOwner {
  /** Logs in over a new link and puts everything back in place; a rejection counts as a failed dial. */
  restore(link: WireLink): Promise<void>;
  /** A command of the link being restored or in use. */
  received(command: Command): void;
  beforeFlush(): void;
  drained(): void;
  news(news: ReconnectNews): void;
}

type Happening = ReconnectEvent extends infer E
  ? E extends unknown
    ? Omit<E, 'now'>
    : never
  : never;

interface Attempt {
  readonly abort: AbortController;
  readonly uri: string;
  readonly startedMs: number;
  link: WireLink | undefined;
}

/**
 * Performs what the reconnect policy asks for, and tells it what came of it. Each attempt has a
 * generation; what a dropped attempt still has to say reaches nobody.
 */
export class FailoverLink {
  readonly #settings: ClientSettings;
  readonly #components: RuntimeComponents;
  readonly #owner: FailoverOwner;
  readonly #attempts = new Map<Generation, Attempt>();
  readonly #timers = new Map<TimerName, CancelTimer>();
  readonly #queue: Happening[] = [];
  readonly #agent: DiscoveryAgent | undefined;
  #state: ReconnectState;
  #isStepping = false;

  constructor(settings: ClientSettings, components: RuntimeComponents, owner: FailoverOwner) {
    this.#settings = settings;
    this.#components = components;
    this.#owner = owner;
    this.#agent = settings.agent;
    const seed = new DataView(components.random.bytes(4).buffer).getInt32(0);
    this.#state = initialReconnectState(settings.failover, settings.uris, seed);
  }

  get state(): ReconnectState {
    return this.#state;
  }

  start(): void {
    this.#agent?.watch((list) => {
      this.happened({ type: 'members', uris: list.uris, isRebalance: false, source: 'agent' });
    });
    this.happened({ type: 'start' });
  }

  /** Ends everything; resolves when the sockets are closed. */
  async close(): Promise<void> {
    const links = [...this.#attempts.values()].map(({ link }) => link);
    this.happened({ type: 'close' });
    for (const cancel of this.#timers.values()) cancel();
    await Promise.all([this.#agent?.close(), ...links.map((link) => link?.close())]);
  }

  /** Events that come while one is being dealt with wait for their turn. */
  happened(event: Happening): void {
    this.#queue.push(event);
    if (this.#isStepping) return;
    this.#isStepping = true;
    for (let next = this.#queue.shift(); next !== undefined; next = this.#queue.shift()) {
      const now = this.#components.clock.now();
      const step = stepReconnect(this.#settings.failover, this.#state, { ...next, now });
      this.#state = step.state;
      for (const effect of step.effects) this.#perform(effect);
    }
    this.#isStepping = false;
  }

  #perform(effect: ReconnectEffect): void {
    switch (effect.type) {
      case 'dial':
        void this.#dial(effect.generation, effect.uri);
        return;
      case 'drop':
        this.#drop(effect.generation, effect.isOrderly);
        return;
      case 'restore':
        void this.#restore(effect.generation);
        return;
      case 'wait':
        this.#wait(effect.timer, effect.token, effect.delayMs);
        return;
      case 'read-members':
        void readMembers(this.#settings.failover.updateURIsURL, this.#components).then((uris) => {
          this.happened({ type: 'members-read', token: effect.token, uris });
        });
        return;
      case 'warn':
        this.#components.logger.log('warn', 'no broker can be reached', {
          attempts: effect.attempts,
          error: effect.error,
        });
        return;
      case 'tell':
        this.#owner.news(effect.news);
        return;
    }
  }

  async #dial(generation: Generation, uri: string): Promise<void> {
    const { clock } = this.#components;
    const abort = new AbortController();
    const attempt: Attempt = { abort, uri, startedMs: clock.now(), link: undefined };
    this.#attempts.set(generation, attempt);
    try {
      const address = withOptions(parseBrokerUri(uri), this.#settings.nestedOptions);
      const { bare, tls, ...endpoint } = endpointOptions(address, this.#settings);
      const dial = tls === undefined ? endpoint.dial : await this.#secured(endpoint.dial, tls);
      const link = await openWireLink(bare, { ...endpoint, dial }, clock, abort.signal);
      if (abort.signal.aborted) {
        link.destroy();
        return;
      }
      attempt.link = link;
      link.onClosed((error) => {
        this.#lost(
          generation,
          error ?? new BrokerError('BATON_DISCONNECTED', `${shownUri(uri)} closed the connection`),
        );
      });
      this.happened({ type: 'ready', generation });
    } catch (thrown) {
      this.#lost(generation, asError(thrown));
    }
  }

  async #secured(dial: DialOptions, options: TlsUriOptions): Promise<DialOptions> {
    const { tls = {} } = this.#settings;
    return { ...dial, tls: await tlsTrust(options, tls, this.#components.files) };
  }

  async #restore(generation: Generation): Promise<void> {
    const attempt = this.#attempts.get(generation);
    const link = attempt?.link;
    if (attempt === undefined || link === undefined) return;
    const isOurs = (): boolean => this.#attempts.get(generation) === attempt;
    const { connectTimeout } = this.#settings.failover;
    const cancel = this.#components.clock.setTimer(connectTimeout, () => {
      link.destroy(
        new BrokerError(
          'BATON_TIMEOUT',
          `${link.uri} did not answer the log-in within ${connectTimeout} ms`,
        ),
      );
    });
    try {
      link.start({
        received: (command) => {
          if (isOurs()) this.#owner.received(command);
        },
        beforeFlush: () => {
          if (isOurs()) this.#owner.beforeFlush();
        },
        drained: () => {
          if (isOurs()) this.#owner.drained();
        },
      });
      await this.#owner.restore(link);
      this.happened({ type: 'restored', generation });
    } catch (thrown) {
      const error = asError(thrown);
      if (isOurs()) {
        this.#attempts.delete(generation);
        link.destroy(error);
        const type = isPermanent(thrown) ? 'refused' : 'lost';
        this.happened({ type, generation, error });
      }
    } finally {
      cancel();
    }
  }

  #lost(generation: Generation, error: Error): void {
    const attempt = this.#attempts.get(generation);
    if (attempt === undefined) return;
    this.#attempts.delete(generation);
    const wasUp = attempt.link !== undefined;
    const connectedMs = wasUp ? this.#components.clock.now() - attempt.startedMs : 0;
    this.happened({ type: 'lost', generation, error });
    this.#agent?.reportFailure(attempt.uri, connectedMs);
  }

  #drop(generation: Generation, isOrderly: boolean): void {
    const attempt = this.#attempts.get(generation);
    this.#attempts.delete(generation);
    if (attempt === undefined) return;
    attempt.abort.abort();
    if (isOrderly) void attempt.link?.close();
    else attempt.link?.destroy();
  }

  #wait(timer: TimerName, token: number, delayMs: number): void {
    this.#timers.get(timer)?.();
    const cancel = this.#components.clock.setTimer(
      delayMs,
      () => {
        this.happened({ type: 'timer', timer, token });
      },
      // Without a socket nothing else keeps a process alive whose calls wait for the reconnect.
      { keepsProcessAlive: timer === 'pass' },
    );
    this.#timers.set(timer, cancel);
  }
}

/** The URI as events and errors show it: without options, which may hold a password. */
export function shownUri(uri: string): string {
  const parsed = parseBrokerUri(uri);
  return formatBrokerUri({ ...parsed, query: [], fragment: '' });
}
