/**
 * `pnpm --filter @batonmq/e2e run takeover -- --messages 1000000 --kills 10 [--java]`: how long a
 * takeover takes with a backlog, from `kill -9` to the first durable send and the first receive through
 * the standby at a client that was connected all along; what the backlog costs in memory; restarts; its drain.
 */
import { parseArgs } from 'node:util';
import { takeoverRun } from '../takeover-run.ts';

const { values } = parseArgs({
  args: process.argv.slice(2).filter((argument) => argument !== '--'),
  options: {
    messages: { type: 'string', default: '1000000' },
    kills: { type: 'string', default: '10' },
    java: { type: 'boolean', default: false },
  },
});
await takeoverRun({
  messageCount: Number(values.messages),
  killCount: Number(values.kills),
  withJava: values.java,
  onLine: console.log,
});
