/**
 * `pnpm --filter @batonmq/e2e run kill-run -- --kills 20 [--store file|postgres|mariadb]`: the kill run at any length. The
 * database is a new one, which it starts and ends.
 */
import { parseArgs } from 'node:util';
import { describeVerdict, isClean, killRun } from '../kill-run.ts';
import { isStoreKind, STORE_KINDS } from '../store-place.ts';
import { summary } from '../takeover-probe.ts';

const { values } = parseArgs({
  args: process.argv.slice(2).filter((argument) => argument !== '--'),
  options: {
    kills: { type: 'string', default: '20' },
    work: { type: 'string', default: '1500' },
    store: { type: 'string', default: 'file' },
  },
});
if (!isStoreKind(values.store)) throw new Error(`--store takes ${STORE_KINDS.join(', ')}`);
const { verdict, takeovers } = await killRun({
  killCount: Number(values.kills),
  workMs: Number(values.work),
  storeKind: values.store,
  onLine: console.log,
});
console.log(`${describeVerdict(verdict)}\ntakeover: ${summary(takeovers)}`);
process.exit(isClean(verdict) ? 0 : 1);
