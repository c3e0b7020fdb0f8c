import { BrokerError } from '@batonmq/model';

/** A `scheme://host:port?key=value` address, taken apart. */
export interface TransportUri {
  /** In lower case, without the colon. */
  readonly scheme: string;
  /** Without the brackets of an IPv6 address. */
  readonly host: string;
  /** 0 lets the system choose, for listeners. */
  readonly port: number;
  /** `/` where none is given. */
  readonly path: string;
  readonly query: URLSearchParams;
}

/** Schemes that are HTTP underneath: their URIs may have a path, and `URL` drops their usual port. */
const USUAL_PORTS: Readonly<Record<string, number>> = { ws: 80, wss: 443 };

/**
 * @param schemes - Those that are allowed, the best known first.
 * @throws `BATON_UNSUPPORTED` for another scheme, `BATON_INVALID_URI` for what is no address.
 */
export function parseUri(uri: string, schemes: readonly string[]): TransportUri {
  const scheme = /^([A-Za-z][A-Za-z0-9+.-]*):/.exec(uri)?.[1]?.toLowerCase();
  if (scheme !== undefined && !schemes.includes(scheme)) {
    throw new BrokerError(
      'BATON_UNSUPPORTED',
      `The transport ${scheme}: of ${uri} is not supported; allowed is ${schemes.join(', ')}://host:port`,
    );
  }
  const invalid = (what: string): BrokerError =>
    new BrokerError(
      'BATON_INVALID_URI',
      `${uri}: ${what}; allowed is ${scheme ?? 'tcp'}://host:port?option=value`,
    );
  let url: URL;
  try {
    url = new URL(uri);
  } catch (error) {
    throw new BrokerError(
      'BATON_INVALID_URI',
      `${uri} is no URI; allowed is tcp://host:port with a port from 0 to 65535`,
      { cause: error },
    );
  }
  const usualPort = USUAL_PORTS[scheme ?? ''];
  if (url.hostname === '') throw invalid('the host is missing');
  if (url.port === '' && usualPort === undefined) throw invalid('the port is missing');
  if (url.username !== '' || url.password !== '') throw invalid('a user does not belong here');
  if (usualPort === undefined && url.pathname !== '' && url.pathname !== '/') {
    throw invalid('a path does not belong here');
  }
  if (url.hash !== '') throw invalid('a fragment does not belong here');
  return {
    scheme: scheme ?? '',
    host: url.hostname.replace(/^\[(.*)\]$/, '$1'),
    port: url.port === '' ? (usualPort ?? 0) : Number(url.port),
    path: url.pathname === '' ? '/' : url.pathname,
    query: url.searchParams,
  };
}

/** The text form of a socket's end: `tcp://127.0.0.1:61616`, `ssl://[::1]:61617`. */
export function formatUri(scheme: string, host: string, port: number): string {
  // A socket open to both families shows IPv4 peers in mapped form; logs are clearer without it.
  const plain = host.replace(/^::ffff:(?=\d+\.)/, '');
  return plain.includes(':') ? `${scheme}://[${plain}]:${port}` : `${scheme}://${plain}:${port}`;
}
