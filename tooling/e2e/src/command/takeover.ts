/**
 * `pnpm --filter @batonmq/e2e run takeover -- --messages 1000000 --kills 10 [--java] [--store file|postgres|mariadb]`: how long a
 * takeover takes with a backlog, from `kill -9` to the first durable send and the first receive through
 * the standby at a client that was connected all along; what the backlog costs in memory; restarts; its drain.
 */
import { parseArgs } from 'node:util';
import { isStoreKind, STORE_KINDS } from '../store-place.ts';
import { takeoverRun } from '../takeover-run.ts';

const { values } = parseArgs({
  args: process.argv.slice(2).filter((argument) => argument !== '--'),
  options: {
    messages: { type: 'string', default: '1000000' },
    kills: { type: 'string', default: '10' },
    java: { type: 'boolean', default: false },
    store: { type: 'string', default: 'file' },
  },
});
if (!isStoreKind(values.store)) throw new Error(`--store takes ${STORE_KINDS.join(', ')}`);
await takeoverRun({
  messageCount: Number(values.messages),
  killCount: Number(values.kills),
  withJava: values.java,
  storeKind: values.store,
  onLine: console.log,
});
