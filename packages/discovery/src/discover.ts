import { BrokerError } from '@batonmq/model';
import type { DiscoveryAgent, DiscoveryComponents, DiscoveryPlugin } from './agent.ts';
import { formatBrokerUri, type BrokerUri } from './broker-uri.ts';
import { closest } from './closest.ts';
import { masterSlaveDiscovery, staticDiscovery } from './static-agent.ts';

const BUILT_IN: readonly DiscoveryPlugin[] = [staticDiscovery, masterSlaveDiscovery];

/** True if a URI names an agent rather than a broker. */
export function isDiscoveryScheme(
  scheme: string,
  plugins: readonly DiscoveryPlugin[] = [],
): boolean {
  return [...plugins, ...BUILT_IN].some((plugin) => plugin.schemes.includes(scheme));
}

/**
 * Makes the agent a URI names.
 *
 * @param plugins - Further kinds of agents; they come before the built-in ones.
 * @throws BrokerError `BATON_INVALID_URI` if no agent answers to the scheme, or what the agent
 *   itself finds wrong.
 *
 * @example
 * ```ts
 * import { discover, parseBrokerUri } from '@batonmq/discovery';
 * import { silentLogger } from '@batonmq/runtime';
 * import { nodeClock } from '@batonmq/runtime/node';
 *
 * const uri = parseBrokerUri('static:(tcp://a:61616,tcp://b:61616)');
 * const agent = discover(uri, { clock: nodeClock(), logger: silentLogger });
 * console.log(agent.current().uris); // [ 'tcp://a:61616', 'tcp://b:61616' ]
 * ```
 */
export function discover(
  uri: BrokerUri,
  components: DiscoveryComponents,
  plugins: readonly DiscoveryPlugin[] = [],
): DiscoveryAgent {
  const known = [...plugins, ...BUILT_IN];
  const plugin = known.find((candidate) => candidate.schemes.includes(uri.scheme));
  if (plugin !== undefined) return plugin.create(uri, components);
  const schemes = known.flatMap((candidate) => candidate.schemes);
  const guess = closest(uri.scheme, schemes);
  throw new BrokerError(
    'BATON_INVALID_URI',
    `No discovery agent answers to "${uri.scheme}:" in "${formatBrokerUri(uri)}"` +
      (guess === undefined ? `; known are ${schemes.join(', ')}` : `; did you mean "${guess}:"?`),
    { details: { position: uri.position, scheme: uri.scheme } },
  );
}
