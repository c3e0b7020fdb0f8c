/**
 * `npm test`: from a checkout to every check and every test. Checks that fail do not keep the tests
 * from running; they count as failed in the closing line.
 */
import { provideTestRequirements } from './test-requirements.mjs';
import { prepareWorkspace, run } from './workspace.mjs';

/** Name and command of each check that is not a test; they read and never write. */
const CHECKS = [
  ['format', ['exec', 'prettier', '--check', '--log-level', 'warn', '.']],
  ['types', ['exec', 'tsc', '-p', 'tsconfig.check.json']],
  ['lint', ['exec', 'eslint', '.']],
  ['dead code', ['exec', 'knip']],
  ['packages', ['run', 'package-lint']],
];

// First: the driver of SQLite is compiled when it is installed.
provideTestRequirements();
const env = prepareWorkspace();

const failed = CHECKS.filter(([name, args]) => {
  console.log(`\n— ${name}`);
  return !run('pnpm', args, env);
}).map(([name]) => name);

console.log('\n— tests');
const vitest = ['exec', 'vitest', 'run', ...process.argv.slice(2)];
const passed = run('pnpm', vitest, { ...env, FAILED_CHECKS: failed.join(',') });
process.exitCode = passed && failed.length === 0 ? 0 : 1;
