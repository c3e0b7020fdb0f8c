/**
 * The outside world as interfaces. `@batonmq/runtime/node` is the real one,
 * `@batonmq/runtime/sim` a seeded, virtual one for tests.
 *
 * @packageDocumentation
 */
export type { CancelTimer, Clock } from './clock.ts';
export type { RuntimeComponents } from './components.ts';
export type { Files, FileStatus, OpenFile, OpenMode } from './files.ts';
export { silentLogger, type Logger, type LogFields, type LogLevel } from './logger.ts';
export type { Random } from './random.ts';
