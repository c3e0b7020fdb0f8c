import { createBroker, type Broker, type BrokerEvent } from '@batonmq/broker-core';
import { BrokerError } from '@batonmq/model';
import type { RuntimeComponents } from '@batonmq/runtime';
import { openStore, type Store } from '@batonmq/store-spi';
import { serveAdmin, type AdminHttp } from './admin/admin-http.ts';
import { effectiveSecurity } from './config/security-section.ts';
import type { Settings } from './config/settings.ts';
import { Listeners } from './listeners.ts';
import { groupAccess } from './admin/admin-access.ts';
import { openAuditLog, type AuditLog } from './security/audit-log.ts';
import { openSecurity } from './security/open-security.ts';
import { createProtocols, type ServedProtocol } from './protocols.ts';
import { destinationsOf, type ServerStatus } from './status.ts';
import { loadStore, storeUri } from './store/store-choice.ts';
import { storeStatus } from './store/store-status.ts';
import { TlsFiles } from './tls/tls-files.ts';

type RoleChanged = Extract<BrokerEvent, { type: 'role-changed' }>;

/**
 * Puts a broker together from its settings and sends it in line: a store chosen by its URI, the
 * core on it, protocols on the core, listeners, and the interface for operators.
 *
 * @throws `BATON_INVALID_OPTION`, `BATON_UNSUPPORTED` for settings that cannot work, and whatever
 * keeps the store from ever being acquired.
 */
export async function startServer(
  settings: Settings,
  components: RuntimeComponents,
): Promise<Server> {
  const plugin = await loadStore(settings.store);
  const security = settings.security && (await openSecurity(settings.security, components));
  const tls = new TlsFiles(settings.tls ?? {}, components.clock, components.logger);
  const store = openStore(plugin, components);
  const { name, broker: options = {}, policies = [], virtualDestinations = [] } = settings;
  const broker = createBroker({
    name,
    store,
    components,
    options,
    policies,
    virtualDestinations,
    ...(security && { security }),
  });
  const { audit = security ? 'log' : 'off' } = settings;
  const auditLog =
    audit === 'off' ? undefined : await openAuditLog(audit, broker, components.logger);
  const protocols = createProtocols(broker, components, settings);
  const server = new Server({ settings, components, store, broker, protocols, auditLog, tls });
  await server.start();
  return server;
}

interface ServerParts {
  readonly settings: Settings;
  readonly components: RuntimeComponents;
  readonly store: Store;
  readonly broker: Broker;
  readonly protocols: readonly ServedProtocol[];
  readonly auditLog: AuditLog | undefined;
  readonly tls: TlsFiles;
}

/** A running broker with its sockets. Clients are let in exactly while the role is `active`. */
export class Server {
  readonly #parts: ServerParts;
  readonly #listeners: Listeners;
  readonly #startedAt: number;
  #admin: AdminHttp | undefined;
  /** Opening and closing sockets, one role after the other. */
  #following: Promise<void> = Promise.resolve();
  #stopping: Promise<void> | undefined;
  /** Resolves after {@link stop}; rejects with the reason if the server stops by itself. */
  readonly finished: Promise<void>;
  #finish: (error?: Error) => void = () => undefined;

  /** Use {@link startServer}. */
  constructor(parts: ServerParts) {
    this.#parts = parts;
    this.#startedAt = parts.components.clock.now();
    this.#listeners = new Listeners(
      parts.settings.listen,
      parts.components.logger,
      parts.protocols,
      parts.tls,
    );
    this.finished = new Promise((resolve, reject) => {
      this.#finish = (error) => {
        if (error === undefined) resolve();
        else reject(error);
      };
    });
    this.finished.catch(() => undefined);
  }

  /** `http://127.0.0.1:8161`; missing if the interface for operators is off. */
  get adminUri(): string | undefined {
    return this.#admin?.uri;
  }

  async start(): Promise<void> {
    const { broker, settings } = this.#parts;
    await this.#listeners.check();
    broker.on('role-changed', (event) => {
      this.#roleChanged(event);
    });
    if (settings.admin !== 'off') {
      this.#admin = await serveAdmin(
        settings.admin,
        {
          role: () => broker.role,
          status: () => this.status(),
          policy: (destination) => broker.effectivePolicy(destination),
          redrive: (queue, options) => broker.redrive(queue, options),
          preparedTransactions: () => broker.preparedTransactions(),
          resolvePrepared: (key, verdict) => broker.resolvePrepared(key, verdict),
          commanded: (command) => this.#parts.auditLog?.commanded(command),
        },
        settings.security && groupAccess(broker, effectiveSecurity(settings.security).adminGroups),
      );
    }
    try {
      await broker.start();
    } catch (error) {
      await this.#admin?.close();
      throw error;
    }
  }

  async status(): Promise<ServerStatus> {
    const { broker, settings, store, components } = this.#parts;
    return {
      name: broker.name,
      id: broker.id,
      role: broker.role,
      epoch: broker.epoch,
      uptimeSeconds: Math.round((components.clock.now() - this.#startedAt) / 1000),
      processId: process.pid,
      residentBytes: process.memoryUsage().rss,
      listening: this.#listeners.uris,
      store: await storeStatus(storeUri(settings.store), store, components.clock),
      limits: broker.usage(),
      destinations: destinationsOf(broker),
    };
  }

  /** Makes durable what is in flight, gives the lease to the next in line, lets clients go. Idempotent. */
  stop(): Promise<void> {
    this.#stopping ??= this.#stop();
    return this.#stopping;
  }

  async #stop(failure?: Error): Promise<void> {
    const { broker, protocols, components } = this.#parts;
    try {
      this.#parts.tls.close();
      await this.#listeners.close();
      await broker.stop();
      await Promise.all(protocols.map((protocol) => protocol.close()));
      await this.#admin?.close();
      await this.#parts.auditLog?.close();
      components.logger.log('info', 'stopped', { event: 'stopped' });
      this.#finish(failure);
    } catch (error) {
      this.#finish(failure ?? asError(error));
    }
  }

  /** The server cannot go on: it gives the lease back, so that another broker may have more luck. */
  #fail(error: Error | undefined): void {
    this.#stopping ??= this.#stop(error);
  }

  #roleChanged(event: RoleChanged): void {
    if (event.from === 'active' && this.#stopping === undefined) this.#dropClients(event);
    this.#following = this.#following
      .then(async () => {
        if (event.to === 'active' && this.#stopping === undefined) await this.#listeners.open();
        if (event.from === 'active') await this.#listeners.close();
        this.#log(event);
        if (event.to === 'stopped') this.#fail(event.cause);
      })
      .catch((error: unknown) => {
        this.#fail(asError(error));
      });
  }

  /** In the turn in which the lease was lost: nothing may be answered any more. */
  #dropClients({ epoch, cause }: RoleChanged): void {
    const reason = new BrokerError('BATON_FENCED', 'This broker is no longer the active one', {
      details: { epoch },
      cause,
    });
    for (const protocol of this.#parts.protocols) protocol.disconnectAll(reason);
  }

  #log({ from, to, epoch, cause }: RoleChanged): void {
    const { logger } = this.#parts.components;
    const fields = { event: 'role-changed', from, to, epoch, error: cause };
    logger.log(cause === undefined ? 'info' : 'warn', `role: ${to}`, fields);
  }
}

function asError(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error(String(thrown));
}
