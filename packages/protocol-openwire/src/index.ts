/**
 * OpenWire connections onto the broker core: clients of ActiveMQ connect to BatonMQ through this.
 *
 * @packageDocumentation
 */
export {
  OPEN_WIRE_DEFAULTS,
  resolveOpenWireOptions,
  type OpenWireOptions,
  type OpenWireSettings,
} from './options.ts';
export {
  openWireProtocol,
  type OpenWireProtocol,
  type OpenWireProtocolInit,
} from './openwire-protocol.ts';
