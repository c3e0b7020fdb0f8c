import { fileURLToPath } from 'node:url';
import { compileJava, runJava, type ManagedProcess } from '@batonmq/services';
import type { TakeoverTime } from './takeover-probe.ts';

const SOURCE = fileURLToPath(new URL('../java/JmsTakeover.java', import.meta.url));
/** As the virtual machine is by default, but for the heap: a takeover must not wait for the compiler. */
const JAVA_ARGS = ['-Xmx256m'];

/** As `TakeoverProbe`, with the Java client in a process of its own. Exact to a millisecond. */
export class JavaTakeoverProbe implements AsyncDisposable {
  readonly #process: ManagedProcess;
  #watch: Map<string, (wallMs: number) => void> | undefined;

  private constructor(start: (onLine: (line: string) => void) => ManagedProcess) {
    this.#process = start((line) => {
      const [, what = '', wallMs = ''] = /^(sent|received) (\d+)$/.exec(line) ?? [];
      this.#watch?.get(what)?.(Number(wallMs));
    });
  }

  static async start(uri: string): Promise<JavaTakeoverProbe> {
    const program = await compileJava(SOURCE);
    const probe = new JavaTakeoverProbe((onLine) =>
      runJava(program, [uri], { javaArgs: JAVA_ARGS, onLine }),
    );
    await probe.#process.line(/^working$/);
    return probe;
  }

  /** Call when the broker is killed; resolves when the next one has served both. */
  async measure({ timeoutMs = 60_000 } = {}): Promise<TakeoverTime> {
    const startedAt = Date.now();
    const watch = (this.#watch = new Map<string, (wallMs: number) => void>());
    const first = (what: string): Promise<number> =>
      new Promise((resolve) => {
        watch.set(what, (wallMs) => {
          resolve(wallMs - startedAt);
        });
      });
    let timer: NodeJS.Timeout | undefined;
    const failed = new Promise<never>((_, reject) => {
      const fail = (): void => {
        reject(new Error(`The Java client has not resumed:\n${this.#process.output}`));
      };
      timer = setTimeout(fail, timeoutMs);
      void this.#process.exited.then(fail);
    });
    try {
      const both = Promise.all([first('sent'), first('received')]);
      const [sendMs, receiveMs] = await Promise.race([both, failed]);
      return { sendMs, receiveMs };
    } finally {
      clearTimeout(timer);
      this.#watch = undefined;
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#process[Symbol.asyncDispose]();
  }
}
