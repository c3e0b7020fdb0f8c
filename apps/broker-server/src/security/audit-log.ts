import { createWriteStream, type WriteStream } from 'node:fs';
import type { Broker } from '@batonmq/broker-core';
import type { Logger, LogLevel } from '@batonmq/runtime';
import { jsonLogger } from '@batonmq/runtime/node';
import { BrokerError } from '@batonmq/model';
import type { AdminCommand } from '../admin/admin-http.ts';

/** Bytes that may wait for a slow disk; what comes beyond is lost, and said to be. */
const WAITING_BYTES_MAX = 16 * 1024 * 1024;

/** Who did what: a line for each login, connection, refused access, and destination made or removed. */
export interface AuditLog {
  /** Somebody changes something through the interface for operators. */
  commanded(command: AdminCommand): void;
  close(): Promise<void>;
}

/**
 * Writes what a broker's events tell to its log, or to a file of its own, one JSON object a line.
 * Passwords are in no event. Names that clients gave are made fit to be shown by the broker.
 *
 * @param to - `log`, or the path of a file to append to.
 * @throws `BATON_INVALID_OPTION` if the file cannot be written.
 */
export async function openAuditLog(to: string, broker: Broker, logger: Logger): Promise<AuditLog> {
  if (to === 'log') return new EventAudit(broker, logger, () => Promise.resolve());
  const stream = await opened(to);
  const lines = jsonLogger({ write: boundedWriter(stream, logger) });
  return new EventAudit(broker, lines, () => ended(stream));
}

class EventAudit implements AuditLog {
  readonly #logger: Logger;
  readonly #stops: readonly (() => void)[];
  readonly #end: () => Promise<void>;
  /** Users of the connections that are open, for events that name a connection only. */
  readonly #users = new Map<string, string | undefined>();

  constructor(broker: Broker, logger: Logger, end: () => Promise<void>) {
    this.#logger = logger;
    this.#end = end;
    this.#stops = [
      broker.on('login-accepted', ({ type, ...who }) => {
        this.#write('info', type, who);
      }),
      broker.on('login-refused', ({ type, reason, ...who }) => {
        this.#write('warn', type, { ...who, reason: reason.code });
      }),
      broker.on('access-denied', ({ type, destination, ...what }) => {
        this.#write('warn', type, { ...what, destination: destination.key });
      }),
      broker.on('connection-added', ({ type, ...who }) => {
        this.#users.set(who.connectionId, who.userName);
        this.#write('info', type, who);
      }),
      broker.on('connection-removed', ({ type, connectionId, clientId }) => {
        const userName = this.#users.get(connectionId);
        this.#users.delete(connectionId);
        this.#write('info', type, { connectionId, clientId, userName });
      }),
      ...(['destination-added', 'destination-removed'] as const).map((kind) =>
        broker.on(kind, ({ type, destination, connectionId }) => {
          const userName = connectionId === undefined ? undefined : this.#users.get(connectionId);
          this.#write('info', type, { destination: destination.key, connectionId, userName });
        }),
      ),
    ];
  }

  commanded(command: AdminCommand): void {
    this.#write('info', 'admin-command', { ...command });
  }

  async close(): Promise<void> {
    for (const stop of this.#stops) stop();
    await this.#end();
  }

  #write(level: LogLevel, event: string, fields: Readonly<Record<string, unknown>>): void {
    this.#logger.log(level, event.replace('-', ' '), { audit: true, event, ...fields });
  }
}

function opened(path: string): Promise<WriteStream> {
  const stream = createWriteStream(path, { flags: 'a', mode: 0o600 });
  return new Promise((resolve, reject) => {
    stream.once('open', () => {
      resolve(stream);
    });
    stream.once('error', (cause) => {
      const text = `The audit file ${path} cannot be written: ${cause.message}`;
      reject(new BrokerError('BATON_INVALID_OPTION', text, { cause }));
    });
  });
}

/** A broker works on without its audit file; its log says so, once for each interruption. */
function boundedWriter(stream: WriteStream, logger: Logger): (line: string) => void {
  let isLosing = false;
  stream.on('error', (error) => {
    logger.log('error', 'the audit file cannot be written any more', { error });
  });
  return (line) => {
    const isFull = stream.writableLength > WAITING_BYTES_MAX;
    if (isFull && !isLosing) {
      logger.log('error', 'the audit file is too slow: lines are lost', { path: stream.path });
    }
    isLosing = isFull;
    if (!isFull && !stream.destroyed) stream.write(line);
  };
}

function ended(stream: WriteStream): Promise<void> {
  return new Promise((resolve) => {
    if (stream.destroyed) resolve();
    else stream.end(resolve);
  });
}
