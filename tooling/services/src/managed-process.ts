import { spawn, type ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';

/** Lines of output kept for the message of a failure. */
const LINES_KEPT = 200;

/** Every process that was started and has not ended; killed when this one exits. */
const running = new Set<ChildProcess>();
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

export interface ManagedProcessOptions {
  readonly cwd?: string;
  /** Added to the environment of this process. */
  readonly env?: Readonly<Record<string, string>>;
  /** Sees each line of both outputs, as it comes. */
  readonly onLine?: (line: string) => void;
}

export interface ProcessExit {
  /** Missing if a signal ended it. */
  readonly code: number | undefined;
  readonly signal: NodeJS.Signals | undefined;
}

/** A child process that cannot be forgotten: it is killed when disposed, and when this process exits. */
export class ManagedProcess implements AsyncDisposable {
  readonly #child: ChildProcess;
  readonly #lines: string[] = [];
  readonly #watchers = new Set<(line: string) => void>();
  readonly #command: string;
  /** Resolves when the process has ended, whichever way. */
  readonly exited: Promise<ProcessExit>;

  constructor(command: string, args: readonly string[], options: ManagedProcessOptions = {}) {
    this.#command = [command, ...args].join(' ');
    const env = { ...process.env, ...options.env };
    const cwd = options.cwd ?? process.cwd();
    // Programs of ours that see their input end know that nobody waits for them any more.
    this.#child = spawn(command, [...args], { cwd, env, stdio: ['pipe', 'pipe', 'pipe'] });
    running.add(this.#child);
    this.#child.stdin?.on('error', () => undefined);
    for (const output of [this.#child.stdout, this.#child.stderr]) {
      if (output === null) continue;
      createInterface({ input: output }).on('line', (line) => {
        this.#lines.push(line);
        if (this.#lines.length > LINES_KEPT) this.#lines.shift();
        options.onLine?.(line);
        for (const watcher of [...this.#watchers]) watcher(line);
      });
    }
    this.exited = new Promise((resolve) => {
      this.#child.once('error', (error) => {
        this.#lines.push(error.message);
        running.delete(this.#child);
        resolve({ code: undefined, signal: undefined });
      });
      this.#child.once('close', (code, signal) => {
        running.delete(this.#child);
        resolve({ code: code ?? undefined, signal: signal ?? undefined });
      });
    });
  }

  /** Missing if it could not be started. */
  get pid(): number | undefined {
    return this.#child.pid;
  }

  /** What it has said lately. */
  get output(): string {
    return this.#lines.join('\n');
  }

  /**
   * The match of the first line, past or to come, that `pattern` matches.
   * Rejects with the output if the process ends first, or after `timeoutMs`.
   */
  async line(pattern: RegExp, { timeoutMs = 30_000 } = {}): Promise<RegExpExecArray> {
    for (const line of this.#lines) {
      const match = pattern.exec(line);
      if (match !== null) return match;
    }
    let stop: () => void = () => undefined;
    const found = new Promise<RegExpExecArray>((resolve, reject) => {
      const watcher = (line: string): void => {
        const match = pattern.exec(line);
        if (match !== null) resolve(match);
      };
      const timer = setTimeout(() => {
        reject(this.#failure(`said nothing like ${pattern} within ${timeoutMs} ms`));
      }, timeoutMs);
      this.#watchers.add(watcher);
      stop = () => {
        clearTimeout(timer);
        this.#watchers.delete(watcher);
      };
      void this.exited.then(() => {
        reject(this.#failure(`ended before it said anything like ${pattern}`));
      });
    });
    return found.finally(stop);
  }

  /** Writes a line to its standard input. */
  tell(line: string): void {
    this.#child.stdin?.write(`${line}\n`);
  }

  /** Sends a signal without waiting for what comes of it. */
  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  /** Sends a signal that ends it, and waits until it has ended. */
  async kill(signal: NodeJS.Signals = 'SIGKILL'): Promise<ProcessExit> {
    this.#child.kill(signal);
    return this.exited;
  }

  /** Waits for its end by itself; rejects with the output unless it ended with code 0. */
  async succeeded({ timeoutMs = 60_000 } = {}): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => {
        reject(this.#failure(`did not end within ${timeoutMs} ms`));
      }, timeoutMs);
    });
    const { code, signal } = await Promise.race([this.exited, late]).finally(() => {
      clearTimeout(timer);
    });
    if (code !== 0) throw this.#failure(`ended with ${signal ?? `code ${code ?? 'unknown'}`}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
  }

  #failure(what: string): Error {
    return new Error(`${this.#command} ${what}. Its last lines:\n${this.output}`);
  }
}
