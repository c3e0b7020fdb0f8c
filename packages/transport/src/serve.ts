import { BrokerError } from '@batonmq/model';
import type { ServedListener } from './connection.ts';
import { Entrance, type Admission } from './entrance.ts';
import { resolveServeOptions, type ServeOptions, type ServeSettings } from './options.ts';
import type { Protocol } from './protocol.ts';
import { openServerSocket } from './server-socket.ts';
import { parseUri, type TransportUri } from './uri.ts';

/** Schemes that name no protocol. `tcp` is what ActiveMQ's clients and people write. */
const GENERAL: Readonly<Record<string, Admission>> = {
  tcp: { security: 'offered', inside: 'any' },
  auto: { security: 'offered', inside: 'any' },
  ssl: { security: 'required', inside: 'any' },
  'auto+ssl': { security: 'required', inside: 'any' },
  ws: { security: 'none', inside: 'web-socket' },
  wss: { security: 'required', inside: 'web-socket' },
};

const SECURE_SUFFIX = '+ssl';

/**
 * Checks what {@link serve} will be given, so that a mistake shows before anything is opened.
 *
 * @param protocolNames - Of the protocols that will be served.
 * @throws `BATON_UNSUPPORTED`, `BATON_INVALID_URI`; `BATON_INVALID_OPTION` naming everything that is
 * wrong with the query.
 */
export function checkListenUri(uri: string, protocolNames: readonly string[]): void {
  settingsOf(parseListenUri(uri, protocolNames), {});
}

/**
 * Opens a port for peers of several protocols.
 *
 * | scheme            | who is served                                                              |
 * | ----------------- | -------------------------------------------------------------------------- |
 * | `tcp`, `auto`     | all protocols and WebSocket, told apart by their first bytes; with `tls`, also under TLS |
 * | `ssl`, `auto+ssl` | the same, under TLS only                                                   |
 * | `ws`, `wss`       | WebSocket only, by the offered sub-protocol                                |
 * | `stomp`, …        | the protocol of that name only, asked nothing                              |
 * | `stomp+ssl`, …    | the same, under TLS                                                        |
 *
 * @param uri - `scheme://host:port`; port 0 lets the system choose. The query may hold the plain values
 * of {@link ServeOptions}.
 * @param protocols - Asked in this order.
 * @throws `BATON_UNSUPPORTED`, `BATON_INVALID_URI`, `BATON_INVALID_OPTION`; `BATON_DISCONNECTED` if
 * the address is taken or not ours.
 */
export async function serve(
  uri: string,
  protocols: readonly Protocol[],
  options: ServeOptions = {},
): Promise<ServedListener> {
  const address = parseListenUri(
    uri,
    protocols.map(({ name }) => name),
  );
  const settings = settingsOf(address, options);
  const { tls, refused = ignored } = options;
  const admission = admissionOf(address.scheme, protocols);
  if (admission.security === 'required' && tls === undefined) {
    throw new BrokerError(
      'BATON_INVALID_OPTION',
      `${uri} needs a TLS certificate and its key, and none are set`,
    );
  }
  const entrance = new Entrance(admission, protocols, settings, tls, refused);
  const socket = await openServerSocket({
    ...address,
    uri,
    settings,
    accepted: (accepted) => {
      entrance.admit(accepted);
    },
    refused,
  });
  return {
    uri: socket.uri,
    renewTls: (identity) => {
      entrance.renewTls(identity);
    },
    close: async () => {
      entrance.close();
      await socket.close();
    },
  };
}

function parseListenUri(uri: string, protocolNames: readonly string[]): TransportUri {
  const ofProtocols = protocolNames.flatMap((name) => [name, `${name}${SECURE_SUFFIX}`]);
  return parseUri(uri, [...Object.keys(GENERAL), ...ofProtocols]);
}

function settingsOf({ scheme, query }: TransportUri, options: ServeOptions): ServeSettings {
  const settings = resolveServeOptions(query, options);
  const asksForCertificates = [...query.keys()].some((key) => key.endsWith('ClientAuth'));
  if (asksForCertificates && admissionOf(scheme, []).security !== 'required') {
    throw new BrokerError(
      'BATON_INVALID_OPTION',
      `needClientAuth and wantClientAuth are for listeners that let in TLS alone, like ssl:, not for ${scheme}:`,
    );
  }
  return settings;
}

function admissionOf(scheme: string, protocols: readonly Protocol[]): Admission {
  const general = GENERAL[scheme];
  if (general !== undefined) return general;
  const isSecure = scheme.endsWith(SECURE_SUFFIX);
  const name = isSecure ? scheme.slice(0, -SECURE_SUFFIX.length) : scheme;
  const protocol = protocols.find((served) => served.name === name);
  return { security: isSecure ? 'required' : 'none', inside: protocol ?? 'any' };
}

function ignored(): void {}
