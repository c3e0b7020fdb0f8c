import { readFileSync } from 'node:fs';
import { BrokerError } from '@batonmq/model';
import type { CancelTimer, Clock, Logger } from '@batonmq/runtime';
import { checkTlsIdentity, type TlsIdentity } from '@batonmq/transport';
import { resolveTlsOptions, type TlsOptions, type TlsSettings } from './tls-options.ts';

/** A renewed certificate is in use after this long at the latest; looking costs three small reads. */
const LOOK_INTERVAL_MS = 10_000;

/**
 * The broker's certificate, key and authorities as they are in their files. Files that change are read
 * again, so a certificate can be renewed while the broker runs; what does not work is left alone.
 */
export class TlsFiles {
  readonly #settings: TlsSettings;
  readonly #clock: Clock;
  readonly #logger: Logger;
  #identity: TlsIdentity | undefined;
  #cancelLook: CancelTimer | undefined;

  /** @throws `BATON_INVALID_OPTION` if a file cannot be read, or they do not go together. */
  constructor(options: TlsOptions, clock: Clock, logger: Logger) {
    this.#settings = resolveTlsOptions(options);
    this.#clock = clock;
    this.#logger = logger;
    if (this.#settings.certificate === '') return;
    this.#identity = this.#read();
    checkTlsIdentity(this.#identity);
  }

  /** As of the last look; undefined without TLS. */
  get identity(): TlsIdentity | undefined {
    return this.#identity;
  }

  /** What listeners are told about certificates of clients. */
  get clientAuth(): { readonly needClientAuth: boolean; readonly wantClientAuth: boolean } {
    const { clientCertificates } = this.#settings;
    return {
      needClientAuth: clientCertificates === 'needed',
      wantClientAuth: clientCertificates === 'wanted',
    };
  }

  /** Calls `renewed` whenever the files have changed and work, until {@link close}. */
  watch(renewed: (identity: TlsIdentity) => void): void {
    if (this.#identity === undefined) return;
    this.#cancelLook = this.#clock.setTimer(LOOK_INTERVAL_MS, () => {
      this.#look(renewed);
      this.watch(renewed);
    });
  }

  close(): void {
    this.#cancelLook?.();
  }

  #look(renewed: (identity: TlsIdentity) => void): void {
    try {
      const found = this.#read();
      if (JSON.stringify(found) === JSON.stringify(this.#identity)) return;
      checkTlsIdentity(found);
      this.#identity = found;
      renewed(found);
      this.#logger.log('info', 'the TLS certificate was renewed', { event: 'tls-renewed' });
    } catch (error) {
      this.#logger.log('warn', 'the changed TLS files cannot be used; the old ones stay', {
        error,
      });
    }
  }

  #read(): TlsIdentity {
    const { certificate, key, ca, minVersion, ciphers } = this.#settings;
    return {
      certificate: contentOf('certificate', certificate),
      key: contentOf('key', key),
      ...(ca !== '' && { ca: contentOf('ca', ca) }),
      minVersion,
      ...(ciphers !== '' && { ciphers }),
    };
  }
}

function contentOf(option: string, path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new BrokerError('BATON_INVALID_OPTION', `tls.${option}: ${reason}`, { cause });
  }
}
