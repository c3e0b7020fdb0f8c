import { BrokerError } from '@batonmq/model';

/** A `tcp://host:port?key=value` address, taken apart. */
export interface TcpUri {
  /** Without the brackets of an IPv6 address. */
  readonly host: string;
  /** 0 lets the system choose, for listeners. */
  readonly port: number;
  readonly query: URLSearchParams;
}

/** @throws `BATON_UNSUPPORTED` for another scheme, `BATON_INVALID_URI` for what is no address. */
export function parseTcpUri(uri: string): TcpUri {
  const scheme = /^([A-Za-z][A-Za-z0-9+.-]*):/.exec(uri)?.[1]?.toLowerCase();
  if (scheme !== undefined && scheme !== 'tcp') {
    throw new BrokerError(
      'BATON_UNSUPPORTED',
      `The transport ${scheme}: of ${uri} is not supported; allowed is tcp://host:port`,
    );
  }
  const invalid = (what: string): BrokerError =>
    new BrokerError(
      'BATON_INVALID_URI',
      `${uri}: ${what}; allowed is tcp://host:port?option=value`,
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
  if (url.hostname === '') throw invalid('the host is missing');
  if (url.port === '') throw invalid('the port is missing');
  if (url.username !== '' || url.password !== '') throw invalid('a user does not belong here');
  if (url.pathname !== '' && url.pathname !== '/') throw invalid('a path does not belong here');
  if (url.hash !== '') throw invalid('a fragment does not belong here');
  return {
    host: url.hostname.replace(/^\[(.*)\]$/, '$1'),
    port: Number(url.port),
    query: url.searchParams,
  };
}

/** The text form of a socket's end: `tcp://127.0.0.1:61616`, `tcp://[::1]:61616`. */
export function formatTcpUri(host: string, port: number): string {
  // A socket open to both families shows IPv4 peers in mapped form; logs are clearer without it.
  const plain = host.replace(/^::ffff:(?=\d+\.)/, '');
  return plain.includes(':') ? `tcp://[${plain}]:${port}` : `tcp://${plain}:${port}`;
}
