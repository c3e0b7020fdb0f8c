import { fileURLToPath } from 'node:url';
import { mkdir, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { ManagedProcess, compileJava, runJava } from '@batonmq/services';
import type { Protocol } from './brokers.ts';
import { shapeArguments, type LoadResult, type LoadShape } from './load-shape.ts';

const JAVA_SOURCE = fileURLToPath(new URL('../java/Load.java', import.meta.url));
const NODE_PROGRAM = fileURLToPath(new URL('../dist/load.js', import.meta.url));

/** Small stacks, because of the thread per connection; otherwise as Java runs by default. */
const JAVA_ARGS = ['-Xmx2g', '-Xss256k'];

const C_SOURCE = fileURLToPath(new URL('../c/load.c', import.meta.url));
const C_PROGRAM = fileURLToPath(
  new URL('../../../node_modules/.cache/batonmq-c/load', import.meta.url),
);

export const GENERATOR_NAMES = ['java', 'node', 'c'] as const;
export type GeneratorName = (typeof GENERATOR_NAMES)[number];

/** What a generator speaks. */
export function protocolOf(name: GeneratorName): Protocol {
  return name === 'c' ? 'text' : 'openwire';
}

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
  if (name === 'c') return new ManagedProcess(await compileC(), args);
  return runJava(await compileJava(JAVA_SOURCE), args, { javaArgs: JAVA_ARGS });
}

/** Compiles the generator unless it is there already and newer than its source. */
async function compileC(): Promise<string> {
  const source = await stat(C_SOURCE);
  const program = await stat(C_PROGRAM).catch(() => undefined);
  if (program === undefined || program.mtimeMs < source.mtimeMs) {
    await mkdir(dirname(C_PROGRAM), { recursive: true });
    await new ManagedProcess('gcc', ['-O2', '-o', C_PROGRAM, C_SOURCE]).succeeded();
  }
  return C_PROGRAM;
}
