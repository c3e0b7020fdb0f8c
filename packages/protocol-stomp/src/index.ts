/**
 * STOMP connections onto the broker core: clients of many languages connect to BatonMQ through this.
 *
 * @packageDocumentation
 */
export {
  resolveStompOptions,
  STOMP_DEFAULTS,
  type StompOptions,
  type StompSettings,
} from './options.ts';
export { stompProtocol, type StompProtocol, type StompProtocolInit } from './stomp-protocol.ts';
