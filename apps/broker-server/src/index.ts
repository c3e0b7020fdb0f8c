/**
 * The broker as a program can embed it whole: settings in, sockets and roles out.
 *
 * @example
 * ```ts
 * import { startServer } from '@batonmq/broker-server';
 * import { nodeRuntime } from '@batonmq/runtime/node';
 *
 * const server = await startServer(
 *   {
 *     name: 'embedded',
 *     listen: ['tcp://127.0.0.1:61616'],
 *     store: 'file:./data',
 *     admin: 'off',
 *     log: 'json',
 *     logLevel: 'info',
 *   },
 *   nodeRuntime(),
 * );
 * await server.stop();
 * ```
 *
 * @packageDocumentation
 */
export type { Settings } from './config/settings.ts';
export type { StoreChoice } from './store/store-choice.ts';
export { startServer, type Server } from './server.ts';
export type { ServerStatus } from './status.ts';
