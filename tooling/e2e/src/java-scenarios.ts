import { compileJava, runJava } from '@batonmq/services';

/**
 * Runs a Java program that says `ok NAME` or `failed NAME: why` for each of its scenarios.
 *
 * @returns For each name `ok`, or the line that says why not.
 */
export async function javaScenarios(
  source: string,
  args: readonly string[],
): Promise<ReadonlyMap<string, string>> {
  const results = new Map<string, string>();
  await using run = runJava(await compileJava(source), args, {
    onLine: (line) => {
      const [, result = '', name = ''] = /^(ok|failed) ([^:]+)/.exec(line) ?? [];
      if (name !== '') results.set(name, result === 'ok' ? 'ok' : line);
    },
  });
  await run.exited;
  return results;
}
