/** `pnpm --filter @batonmq/e2e run kill-run -- --kills 20`: the kill run at any length. */
import { parseArgs } from 'node:util';
import { describeVerdict, isClean, killRun } from '../kill-run.ts';
import { summary } from '../takeover-probe.ts';

const { values } = parseArgs({
  args: process.argv.slice(2).filter((argument) => argument !== '--'),
  options: { kills: { type: 'string', default: '20' }, work: { type: 'string', default: '1500' } },
});
const { verdict, takeovers } = await killRun({
  killCount: Number(values.kills),
  workMs: Number(values.work),
  onLine: console.log,
});
console.log(`${describeVerdict(verdict)}\ntakeover: ${summary(takeovers)}`);
process.exit(isClean(verdict) ? 0 : 1);
