/**
 * Byte streams: listeners, dialers, and connections that write once per turn.
 *
 * @example
 * ```ts
 * import { dial, listen } from '@batonmq/transport';
 *
 * const ignore = { take: () => [], drained: () => undefined, closed: () => undefined };
 * const listener = await listen('tcp://127.0.0.1:0', (connection) => {
 *   connection.start({ ...ignore, received: (bytes) => console.log(String(bytes)) });
 * });
 * const connection = await dial(listener.uri, { timeoutMs: 1000 });
 * const output = [Buffer.from('hello')];
 * connection.start({ ...ignore, received: () => undefined, take: () => output.splice(0) });
 * connection.requestFlush();
 * await connection.close();
 * await listener.close();
 * ```
 *
 * @packageDocumentation
 */
export type {
  ConnectionHandler,
  Listener,
  OutputSource,
  ServedListener,
  TransportConnection,
} from './connection.ts';
export { dial } from './dial.ts';
export { listen } from './listen.ts';
export {
  DIAL_DEFAULTS,
  LISTEN_DEFAULTS,
  SERVE_DEFAULTS,
  SOCKET_DEFAULTS,
  type DialOptions,
  type ListenOptions,
  type ServeOptions,
  type SocketOptions,
} from './options.ts';
export { PeerInput } from './peer-input.ts';
export { PeerSet } from './peer-set.ts';
export type { Protocol } from './protocol.ts';
export { checkListenUri, serve } from './serve.ts';
export { checkTlsIdentity, type TlsCommon, type TlsIdentity, type TlsTrust } from './tls.ts';
