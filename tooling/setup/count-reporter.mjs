/**
 * Prints the closing line `N passed, N failed, N skipped` that CI reads. Checks that failed before
 * the tests (`npm test` names them in FAILED_CHECKS) and files that could not be loaded count
 * as failed.
 */
export default class CountReporter {
  onTestRunEnd(modules, unhandledErrors) {
    const checks = (process.env.FAILED_CHECKS ?? '').split(',').filter(Boolean);
    const counts = { passed: 0, failed: checks.length + unhandledErrors.length, skipped: 0 };
    for (const module of modules) {
      if (module.errors().length > 0) counts.failed += 1;
      for (const test of module.children.allTests()) {
        const { state } = test.result();
        counts[state === 'passed' || state === 'failed' ? state : 'skipped'] += 1;
      }
    }
    if (checks.length > 0)
      console.log(`\nChecks that failed before the tests: ${checks.join(', ')}`);
    console.log(`\n${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped`);
  }
}
