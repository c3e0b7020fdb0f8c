/**
 * Byte streams: listeners, dialers, and connections that write once per turn.
 *
 * @packageDocumentation
 */
export type {
  ConnectionHandler,
  Listener,
  OutputSource,
  TransportConnection,
} from './connection.ts';
