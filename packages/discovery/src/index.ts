/**
 * Finds brokers: the grammar of broker URIs, their options, and agents that keep a list of members.
 *
 * @packageDocumentation
 */
export type { DiscoveryAgent, DiscoveryComponents, DiscoveryPlugin, MemberList } from './agent.ts';
export {
  formatBrokerUri,
  parseBrokerUri,
  takePrefixed,
  withOptions,
  type BrokerUri,
  type CompositeUri,
  type SimpleUri,
  type UriOption,
} from './broker-uri.ts';
export { closest } from './closest.ts';
export { discover, isDiscoveryScheme } from './discover.ts';
export { masterSlaveDiscovery, staticDiscovery } from './static-agent.ts';
export {
  decimal,
  flag,
  resolveUriOptions,
  wholeNumber,
  words,
  type OptionKind,
  type OptionTable,
  type OptionValues,
} from './uri-options.ts';
