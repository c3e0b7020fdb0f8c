import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { ManagedProcess, type ProcessExit } from './managed-process.ts';

const SCRIPT = fileURLToPath(new URL('../programs/store-process.mjs', import.meta.url));
const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
const TIMEOUT_MS = 20_000;

/** What the process says; see store-process.mjs. */
export interface StoreEvent {
  readonly event:
    | 'waiting'
    | 'active'
    | 'acked'
    | 'consumed'
    | 'refused'
    | 'lost'
    | 'paused'
    | 'listed'
    | 'failed';
  /** Wall clock of the machine when it was said. */
  readonly at: number;
  readonly sequence?: number;
  readonly epoch?: number;
  /** Messages in the queue as recovery told them. */
  readonly messageCount?: number;
  readonly reason?: string;
  readonly code?: string;
  readonly sequences?: readonly number[];
  /** Owners of the processes that wrote the messages of `sequences`. */
  readonly writers?: readonly string[];
}

/** Which store the process has. */
export interface StorePluginOfPackage {
  /** Of the built package: an absolute path. */
  readonly module: string;
  /** Name of the export that makes the plugin of its options. */
  readonly factory: string;
}

export interface StoreProcessOptions {
  readonly plugin: StorePluginOfPackage;
  readonly owner: string;
  /** Of the plugin. */
  readonly options: object;
  /** Appends that are under way at once. @defaultValue 4 */
  readonly inFlightMax?: number;
  /** A command and its arguments that runs the process: `['setpriv', '--reuid=65534']`. */
  readonly wrapper?: readonly string[];
}

/** The plugin of `packages/NAME`, which is built first if it is not up to date. */
export async function builtPlugin(name: string, factory: string): Promise<StorePluginOfPackage> {
  await promisify(execFile)('npx', ['tsc', '-b', `packages/${name}`], { cwd: ROOT });
  return { module: `${ROOT}packages/${name}/dist/index.js`, factory };
}

/** A store in a process of its own. */
export class StoreProcess implements AsyncDisposable {
  readonly owner: string;
  readonly events: StoreEvent[] = [];
  readonly #process: ManagedProcess;
  readonly #watchers = new Set<(event: StoreEvent) => void>();

  constructor({ wrapper = [], ...options }: StoreProcessOptions) {
    this.owner = options.owner;
    const command = [...wrapper, process.execPath, SCRIPT, JSON.stringify(options)];
    this.#process = new ManagedProcess(command[0] ?? '', command.slice(1), {
      onLine: (line) => {
        if (!line.startsWith('{"event"')) return;
        const event = JSON.parse(line) as StoreEvent;
        this.events.push(event);
        for (const watcher of [...this.#watchers]) watcher(event);
      },
    });
  }

  get exited(): Promise<ProcessExit> {
    return this.#process.exited;
  }

  get ackedSequences(): readonly number[] {
    return this.#sequencesOf('acked');
  }

  get consumedSequences(): readonly number[] {
    return this.#sequencesOf('consumed');
  }

  /** The first event of that name from number `from` on. */
  async seen(name: StoreEvent['event'], from = 0): Promise<StoreEvent> {
    for (let at = from; at < this.events.length; at += 1) {
      const event = this.events[at];
      if (event?.event === name) return event;
    }
    return this.#next(name);
  }

  /** Resolves when it has been told of `count` more stored messages. */
  async seenAcks(count: number): Promise<void> {
    for (let done = 0; done < count; done += 1) await this.#next('acked');
  }

  /** Stops it from producing, then reads everything that is stored. */
  async list(): Promise<readonly number[]> {
    return (await this.listed()).sequences ?? [];
  }

  /** As {@link list}; who wrote what, too. */
  async listed(): Promise<StoreEvent> {
    const paused = this.#next('paused');
    this.tell('pause');
    await paused;
    const listed = this.#next('listed');
    this.tell('list');
    return listed;
  }

  tell(command: 'produce' | 'consume' | 'pause' | 'list' | 'release'): void {
    this.#process.tell(command);
  }

  signal(signal: 'SIGSTOP' | 'SIGCONT'): void {
    this.#process.signal(signal);
  }

  async kill(): Promise<void> {
    await this.#process.kill();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.kill();
  }

  #next(name: StoreEvent['event']): Promise<StoreEvent> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#watchers.delete(watcher);
        const last = JSON.stringify(this.events.slice(-3));
        reject(
          new Error(
            `${this.owner} did not say '${name}' within ${TIMEOUT_MS} ms; last: ${last}\n${this.#process.output}`,
          ),
        );
      }, TIMEOUT_MS);
      const watcher = (event: StoreEvent): void => {
        if (event.event !== name) return;
        clearTimeout(timer);
        this.#watchers.delete(watcher);
        resolve(event);
      };
      this.#watchers.add(watcher);
    });
  }

  #sequencesOf(name: StoreEvent['event']): readonly number[] {
    return this.events.flatMap(({ event, sequence }) =>
      event === name && sequence !== undefined ? [sequence] : [],
    );
  }
}
