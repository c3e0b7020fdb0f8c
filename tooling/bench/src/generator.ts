import { fileURLToPath } from 'node:url';
import { ManagedProcess, compileJava, runJava } from '@batonmq/services';
import { shapeArguments, type LoadResult, type LoadShape } from './load-shape.ts';

const JAVA_SOURCE = fileURLToPath(new URL('../java/Load.java', import.meta.url));
const NODE_PROGRAM = fileURLToPath(new URL('../dist/load.js', import.meta.url));

/** Small stacks, because of the thread per connection; otherwise as Java runs by default. */
const JAVA_ARGS = ['-Xmx2g', '-Xss256k'];

export const GENERATOR_NAMES = ['java', 'node'] as const;
export type GeneratorName = (typeof GENERATOR_NAMES)[number];

/** A process that loads a broker. */
export interface Generator extends AsyncDisposable {
  readonly pid: number;
  /** Resolves when it says that it has come so far. */
  reached(event: 'measuring' | 'ready'): Promise<void>;
  /** Lets it go on after `ready`. */
  go(): void;
  /** Rejects if it takes longer than `timeoutMs`, or fails. */
  result(timeoutMs: number): Promise<LoadResult>;
}

export async function startGenerator(name: GeneratorName, shape: LoadShape): Promise<Generator> {
  const child = await startProcess(name, shapeArguments(shape));
  const { pid } = child;
  if (pid === undefined) throw new Error('The generator could not be started');
  return {
    pid,
    reached: async (event) => {
      await child.line(new RegExp(`"event":"${event}"`), { timeoutMs: 120_000 });
    },
    go: () => {
      child.tell('go');
    },
    result: async (timeoutMs) => {
      const match = await child.line(/^\{"event":"result".*\}$/, { timeoutMs });
      return JSON.parse(match[0]) as LoadResult;
    },
    [Symbol.asyncDispose]: () => child[Symbol.asyncDispose](),
  };
}

async function startProcess(name: GeneratorName, args: string[]): Promise<ManagedProcess> {
  if (name === 'node') return new ManagedProcess(process.execPath, [NODE_PROGRAM, ...args]);
  return runJava(await compileJava(JAVA_SOURCE), args, { javaArgs: JAVA_ARGS });
}
