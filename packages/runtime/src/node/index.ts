/**
 * The real outside world: Node's clocks, generators and file system.
 *
 * @example
 * ```ts
 * import { nodeRuntime } from '@batonmq/runtime/node';
 *
 * const { clock, files } = nodeRuntime();
 * console.log(clock.wallTime(), await files.list('.'));
 * ```
 *
 * @packageDocumentation
 */
import type { RuntimeComponents } from '../components.ts';
import { silentLogger, type Logger } from '../logger.ts';
import { nodeClock } from './clock.ts';
import { nodeFiles } from './files.ts';
import { nodeRandom } from './random.ts';

export { jsonLogger, type JsonLoggerOptions } from './json-logger.ts';
export { nodeClock, nodeFiles, nodeRandom };

/** Everything a component of BatonMQ needs of the machine. Without a logger, nothing is logged. */
export function nodeRuntime(components: { readonly logger?: Logger } = {}): RuntimeComponents {
  return {
    clock: nodeClock(),
    random: nodeRandom(),
    files: nodeFiles(),
    logger: components.logger ?? silentLogger,
  };
}
