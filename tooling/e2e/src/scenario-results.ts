import {
  compileJava,
  ManagedProcess,
  runJava,
  type ManagedProcessOptions,
} from '@batonmq/services';

/** For each scenario of a program `ok`, or the line that says why not. */
export type ScenarioResults = ReadonlyMap<string, string>;

/** Runs a Java program that says `ok NAME` or `failed NAME: why` for each of its scenarios. */
export async function javaScenarios(
  source: string,
  args: readonly string[],
): Promise<ScenarioResults> {
  const program = await compileJava(source);
  return resultsOf((options) => runJava(program, args, options));
}

/** The same for a Python script. */
export function pythonScenarios(
  script: string,
  args: readonly string[],
  python = 'python3',
): Promise<ScenarioResults> {
  return resultsOf((options) => new ManagedProcess(python, [script, ...args], options));
}

async function resultsOf(
  start: (options: Pick<ManagedProcessOptions, 'onLine'>) => ManagedProcess,
): Promise<ScenarioResults> {
  const results = new Map<string, string>();
  await using run = start({
    onLine: (line) => {
      const [, result = '', name = ''] = /^(ok|failed) ([^:]+)/.exec(line) ?? [];
      if (name !== '') results.set(name, result === 'ok' ? 'ok' : line);
    },
  });
  await run.exited;
  return results;
}
