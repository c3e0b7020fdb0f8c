import { BrokerError } from '@batonmq/model';

/** Who the broker is under TLS, and how it treats certificates of clients. Files are PEM. */
export interface TlsOptions {
  /** File with the broker's certificate, then those of the authorities up to the root. Empty: no TLS. */
  readonly certificate?: string;
  /** File with the key of that certificate. */
  readonly key?: string;
  /** File with the authorities that vouch for clients; empty: those that Node knows. */
  readonly ca?: string;
  /**
   * Whether TLS clients show a certificate: `none` are asked for, `wanted` (one that is shown must be
   * right), `needed`. Same as `wantClientAuth` and `needClientAuth` on every listener.
   */
  readonly clientCertificates?: 'none' | 'wanted' | 'needed';
  /** The oldest version of TLS that is spoken: `TLSv1.2` or `TLSv1.3`. */
  readonly minVersion?: 'TLSv1.2' | 'TLSv1.3';
  /** Ciphers by OpenSSL's names, with colons, best first; empty: Node's. */
  readonly ciphers?: string;
}

/** All of {@link TlsOptions}, checked. */
export type TlsSettings = Readonly<Required<TlsOptions>>;

export const TLS_DEFAULTS: TlsSettings = Object.freeze({
  certificate: '',
  key: '',
  ca: '',
  clientCertificates: 'none',
  minVersion: 'TLSv1.2',
  ciphers: '',
});

const CHOICES: Readonly<Partial<Record<keyof TlsSettings, readonly string[]>>> = {
  clientCertificates: ['none', 'wanted', 'needed'],
  minVersion: ['TLSv1.2', 'TLSv1.3'],
};

/**
 * Judges each option by itself; {@link tlsProblem} says whether they go together.
 *
 * @throws `BATON_INVALID_OPTION`, naming everything that is wrong.
 */
export function resolveTlsOptions(input: TlsOptions = {}): TlsSettings {
  const problems: string[] = [];
  for (const [key, value] of Object.entries(input) as [string, unknown][]) {
    const problem = Object.hasOwn(TLS_DEFAULTS, key)
      ? problemOf(key as keyof TlsSettings, value)
      : `is unknown; these are: ${Object.keys(TLS_DEFAULTS).join(', ')}`;
    if (problem !== undefined) problems.push(`${key} ${problem}`);
  }
  if (problems.length > 0) throw new BrokerError('BATON_INVALID_OPTION', problems.join('; '));
  return Object.freeze({ ...TLS_DEFAULTS, ...input });
}

/** What keeps the options from working together. */
export function tlsProblem(input: TlsOptions): string | undefined {
  const { certificate, key } = { ...TLS_DEFAULTS, ...input };
  if ((certificate === '') === (key === '')) return undefined;
  return 'certificate and key must both be set, or neither';
}

function problemOf(key: keyof TlsSettings, value: unknown): string | undefined {
  if (typeof value !== 'string') return 'must be text';
  const choices = CHOICES[key];
  if (choices === undefined || choices.includes(value)) return undefined;
  return `is ${value}; ${choices.join(' or ')} is allowed`;
}
