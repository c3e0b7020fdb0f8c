import { isIP } from 'node:net';
import {
  checkServerIdentity,
  createSecureContext,
  createServer,
  type ConnectionOptions,
  type SecureContextOptions,
  type SecureVersion,
  type Server,
  type TLSSocket,
} from 'node:tls';
import { BrokerError } from '@batonmq/model';

/** What both sides of a TLS connection may be told. Certificates and keys are PEM text. */
export interface TlsCommon {
  /** Authorities whose word on the peer's certificate counts. */
  readonly ca?: string;
  /** For a `key` that is encrypted. */
  readonly passphrase?: string;
  /** The oldest version that is spoken. @defaultValue `TLSv1.2` */
  readonly minVersion?: 'TLSv1.2' | 'TLSv1.3';
  /** OpenSSL's names, best first, with colons. @defaultValue those of Node */
  readonly ciphers?: string;
}

/** Who a listener is. */
export interface TlsIdentity extends TlsCommon {
  /** Our certificate, then those of the authorities between it and the root. */
  readonly certificate: string;
  readonly key: string;
}

/** Whom a dialler trusts, and who it is where the listener asks for certificates. */
export interface TlsTrust extends TlsCommon {
  readonly certificate?: string;
  readonly key?: string;
  /** The name asked for and expected in the certificate. @defaultValue the host of the URI */
  readonly serverName?: string;
  /**
   * Whether the certificate must be for that name; any certificate of a trusted authority will do
   * otherwise.
   *
   * @defaultValue true
   */
  readonly verifyHostName?: boolean;
}

/** How a listener treats the certificates of its peers. */
export interface ClientCertificates {
  readonly needClientAuth: boolean;
  readonly wantClientAuth: boolean;
}

/**
 * A TLS server without a port of its own: sockets are given to it as `connection` events.
 *
 * @throws `BATON_INVALID_OPTION` if certificate, key, authorities and ciphers do not go together.
 */
export function tlsServer(identity: TlsIdentity, clients: ClientCertificates): Server {
  checkTlsIdentity(identity);
  return createServer({
    ...contextOptions(identity),
    requestCert: clients.needClientAuth || clients.wantClientAuth,
    rejectUnauthorized: clients.needClientAuth,
  });
}

/** Peers that come from now on see the new certificate. @throws As {@link tlsServer}; the old one stays then. */
export function renewTlsServer(server: Server, identity: TlsIdentity): void {
  checkTlsIdentity(identity);
  server.setSecureContext(contextOptions(identity));
}

/** @throws `BATON_INVALID_OPTION` with what OpenSSL has against it. */
export function checkTlsIdentity(identity: TlsIdentity): void {
  try {
    createSecureContext(contextOptions(identity));
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new BrokerError(
      'BATON_INVALID_OPTION',
      `The TLS certificate, key, authorities or ciphers cannot be used: ${reason}`,
      { cause },
    );
  }
}

/** What `tls.connect` needs to know to reach `host` as `trust` says. */
export function connectOptions(host: string, trust: TlsTrust): ConnectionOptions {
  const { serverName = host, verifyHostName = true } = trust;
  return {
    ...contextOptions(trust),
    // The extension for the server's name does not take addresses.
    ...(isIP(serverName) === 0 && { servername: serverName }),
    checkServerIdentity: (_host, certificate) =>
      verifyHostName ? checkServerIdentity(serverName, certificate) : undefined,
  };
}

function contextOptions(
  common: TlsCommon & { certificate?: string; key?: string },
): SecureContextOptions {
  const { certificate, key, ca, passphrase, ciphers } = common;
  const minVersion: SecureVersion = common.minVersion ?? 'TLSv1.2';
  return {
    minVersion,
    ...(certificate !== undefined && { cert: certificate }),
    ...(key !== undefined && { key }),
    ...(ca !== undefined && { ca }),
    ...(passphrase !== undefined && { passphrase }),
    ...(ciphers !== undefined && { ciphers }),
  };
}

/** The subject of the peer's certificate as RFC 4514 writes it; undefined without a verified one. */
export function certificateSubject(socket: TLSSocket): string | undefined {
  if (!socket.authorized) return undefined;
  // One line for each relative name, escaped already, the widest first: RFC 4514 begins with the narrowest.
  const lines = socket.getPeerX509Certificate()?.subject.split('\n');
  return lines
    ?.reverse()
    .map((line) => line.replaceAll(' + ', '+'))
    .join(',');
}

/** The peer showed a certificate that nobody we trust vouches for. */
export function hasUnknownCertificate(socket: TLSSocket): boolean {
  return !socket.authorized && socket.getPeerX509Certificate() !== undefined;
}
