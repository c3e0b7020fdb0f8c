import { BrokerError } from '@batonmq/model';
import { serve, type Protocol, type ServedListener, type ServeOptions } from '@batonmq/transport';
import type { Logger } from '@batonmq/runtime';
import type { TlsFiles } from './tls/tls-files.ts';

/** The sockets that clients connect to; opened and closed together. */
export class Listeners {
  readonly #uris: readonly string[];
  readonly #logger: Logger;
  readonly #protocols: readonly Protocol[];
  readonly #tls: TlsFiles;
  #open: ServedListener[] = [];

  constructor(
    uris: readonly string[],
    logger: Logger,
    protocols: readonly Protocol[],
    tls: TlsFiles,
  ) {
    this.#uris = uris;
    this.#logger = logger;
    this.#protocols = protocols;
    this.#tls = tls;
    tls.watch((identity) => {
      for (const listener of this.#open) listener.renewTls(identity);
    });
  }

  /** With the ports the system chose; empty while closed. */
  get uris(): readonly string[] {
    return this.#open.map(({ uri }) => uri);
  }

  /**
   * Opens each for a moment, so that a mistake shows when the program starts and not at the takeover
   * it was started for.
   *
   * @throws `BATON_INVALID_OPTION` for one that cannot be opened.
   */
  async check(): Promise<void> {
    for (const uri of this.#uris) {
      const listener = await serveAt(uri, this.#protocols.map(turningAway), this.#options());
      await listener.close();
    }
  }

  /** Opens all of them; if one cannot be opened, none stays open. */
  async open(): Promise<void> {
    const refused = (reason: Error): void => {
      this.#logger.log('warn', 'a client was not let in', { error: reason });
    };
    try {
      for (const uri of this.#uris) {
        const listener = await serveAt(uri, this.#protocols, { ...this.#options(), refused });
        this.#open.push(listener);
        this.#logger.log('info', 'listening', { event: 'listening', uri: listener.uri });
      }
    } catch (error) {
      await this.close();
      throw error;
    }
  }

  #options(): ServeOptions {
    const { identity, clientAuth } = this.#tls;
    return identity === undefined ? {} : { tls: identity, ...clientAuth };
  }

  async close(): Promise<void> {
    const open = this.#open;
    this.#open = [];
    await Promise.all(open.map((listener) => listener.close()));
  }
}

/** A protocol that is not there yet. */
function turningAway(protocol: Protocol): Protocol {
  return {
    name: protocol.name,
    recognises: (firstBytes) => protocol.recognises(firstBytes),
    accept: (connection) => {
      connection.destroy();
    },
  };
}

/** As `serve`, but what goes wrong is a mistake in the settings. */
async function serveAt(
  uri: string,
  protocols: readonly Protocol[],
  options: ServeOptions,
): Promise<ServedListener> {
  try {
    return await serve(uri, protocols, options);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    const isTaken = cause instanceof BrokerError && cause.code === 'BATON_DISCONNECTED';
    const hint = isTaken ? '. Choose another --listen, or end the program that uses it' : '';
    throw new BrokerError('BATON_INVALID_OPTION', `${reason}${hint}`, { cause });
  }
}
