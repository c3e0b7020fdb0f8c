import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { ManagedProcess, type ProcessExit } from './managed-process.ts';
import { freePort } from './ports.ts';

const PROGRAM = fileURLToPath(
  new URL('../../../apps/broker-server/bin/batonmq.js', import.meta.url),
);
const BUILT = fileURLToPath(new URL('../../../apps/broker-server/dist/main.js', import.meta.url));

export interface BatonMqOptions {
  readonly name: string;
  /** `file:DIR` or `memory:`. */
  readonly store: string;
  /** OpenWire port on the loopback interface. @defaultValue a free one */
  readonly port?: number;
  /** A further port of the loopback interface, for STOMP alone. @defaultValue none; STOMP is spoken on `port` too */
  readonly stompPort?: number;
  /** Query of the URI to listen on. */
  readonly listenQuery?: string;
  /** More URIs to listen on. */
  readonly alsoListen?: readonly string[];
  /** A configuration file; what is said here goes over it. */
  readonly config?: string;
  /** `HOST:PORT`, or `off`. @defaultValue `'off'` */
  readonly admin?: string;
  /** For Node, before the program. */
  readonly nodeArgs?: readonly string[];
  /** A command and its arguments that runs the broker: `['chrt', '-r', '5']`. */
  readonly wrapper?: readonly string[];
}

/** A line of the broker's log that names an event. */
export interface LoggedEvent {
  readonly event: string;
  readonly to?: string;
  readonly epoch?: number;
  readonly [field: string]: unknown;
}

/** A real BatonMQ broker: the built program in a process of its own. */
export interface BatonMq extends AsyncDisposable {
  readonly name: string;
  readonly port: number;
  /** `tcp://127.0.0.1:port`. */
  readonly uri: string;
  readonly process: ManagedProcess;
  /** The role it last said it has. */
  readonly role: string | undefined;
  /** Resolves when it says that it has the role; at once if it does now. */
  becomes(role: string, options?: { timeoutMs?: number }): Promise<void>;
  /** As a power cut of its machine. */
  kill(): Promise<ProcessExit>;
  /** In order: drains and hands the lease over. */
  stop(): Promise<ProcessExit>;
}

/** Runs `batonmq` with any arguments. */
export function runBatonMq(args: readonly string[]): ManagedProcess {
  if (!existsSync(BUILT)) throw new Error('The program is not built; npm run setup does it');
  return new ManagedProcess(process.execPath, [PROGRAM, ...args]);
}

/** Starts a broker. It may wait in line: ask {@link BatonMq.becomes}. */
export async function startBatonMq(options: BatonMqOptions): Promise<BatonMq> {
  if (!existsSync(BUILT)) throw new Error('The program is not built; npm run setup does it');
  const port = options.port ?? (await freePort());
  const uri = `tcp://127.0.0.1:${port}`;
  let role: string | undefined;
  const command = [
    ...(options.wrapper ?? []),
    process.execPath,
    ...(options.nodeArgs ?? []),
    PROGRAM,
    'start',
    ...['--name', options.name],
    ...['--listen', options.listenQuery === undefined ? uri : `${uri}?${options.listenQuery}`],
    ...(options.stompPort === undefined
      ? []
      : ['--listen', `stomp://127.0.0.1:${options.stompPort}`]),
    ...(options.alsoListen ?? []).flatMap((other) => ['--listen', other]),
    ...(options.config === undefined ? [] : ['--config', options.config]),
    ...['--store', options.store],
    ...['--admin', options.admin ?? 'off'],
    ...['--log', 'json'],
  ];
  const waiting = new Set<() => void>();
  const child = new ManagedProcess(command[0] ?? '', command.slice(1), {
    onLine: (line) => {
      const event = eventOf(line);
      if (event?.event !== 'role-changed') return;
      role = event.to;
      for (const look of [...waiting]) look();
    },
  });
  return {
    name: options.name,
    port,
    uri,
    process: child,
    get role() {
      return role;
    },
    becomes: (wanted, { timeoutMs = 30_000 } = {}) =>
      new Promise((resolve, reject) => {
        const end = (finish: () => void): void => {
          clearTimeout(timer);
          waiting.delete(look);
          finish();
        };
        const look = (): void => {
          if (role === wanted) end(resolve);
        };
        const fail = (what: string): void => {
          end(() => {
            reject(new Error(`${options.name} ${what} as ${role ?? 'nothing'}:\n${child.output}`));
          });
        };
        const timer = setTimeout(() => {
          fail(`is not ${wanted} after ${timeoutMs} ms but stays`);
        }, timeoutMs);
        waiting.add(look);
        void child.exited.then(() => {
          fail(`ended before it was ${wanted},`);
        });
        look();
      }),
    kill: () => child.kill(),
    stop: () => child.kill('SIGTERM'),
    [Symbol.asyncDispose]: () => child[Symbol.asyncDispose](),
  };
}

function eventOf(line: string): LoggedEvent | undefined {
  try {
    const parsed: unknown = JSON.parse(line);
    return typeof parsed === 'object' && parsed !== null && 'event' in parsed
      ? (parsed as LoggedEvent)
      : undefined;
  } catch {
    return undefined;
  }
}
