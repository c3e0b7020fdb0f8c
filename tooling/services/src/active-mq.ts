import { fileURLToPath } from 'node:url';
import { compileJava, runJava } from './java.ts';
import type { ManagedProcess, ProcessExit } from './managed-process.ts';
import { freePort } from './ports.ts';

const SOURCE = fileURLToPath(new URL('../java/ActiveMqServer.java', import.meta.url));

export interface ActiveMqJdbc {
  /** Of a PostgreSQL server on the loopback interface with database and user `mq`, or of a link to it. */
  readonly postgresPort: number;
  /** Waits for the lock of a row, ActiveMQ's default, or tries for a lease. @defaultValue `'row'` */
  readonly locker?: 'row' | 'lease';
}

export interface ActiveMqOptions {
  /** @defaultValue `'activemq'` */
  readonly name?: string;
  /** OpenWire port on the loopback interface. @defaultValue a free one */
  readonly port?: number;
  /** Query of the OpenWire connector's URI, e.g. `wireFormat.maxInactivityDuration=0`. */
  readonly connectorQuery?: string;
  /** A further connector, for STOMP, on this port of the loopback interface. @defaultValue none */
  readonly stompPort?: number;
  /**
   * Where KahaDB keeps its files, writes synced; with `jdbc`, where it keeps what is not a message.
   * Without it messages are in memory only.
   */
  readonly directory?: string;
  /** Keeps messages in a database instead; needs a `directory` too. @defaultValue KahaDB */
  readonly jdbc?: ActiveMqJdbc;
  /**
   * How often a second broker on the same store looks whether the first is gone. A lease in a database
   * lasts as long, and is renewed three times in it. @defaultValue 1000
   */
  readonly lockPollMs?: number;
  /** For the virtual machine; the default suits tests, not measurements. */
  readonly javaArgs?: readonly string[];
  /** Set to false for a broker that has to wait for another's directory. @defaultValue true */
  readonly isAwaited?: boolean;
}

/** A real ActiveMQ of this machine, listening on the loopback interface. */
export interface ActiveMq extends AsyncDisposable {
  readonly port: number;
  /** `tcp://127.0.0.1:port`. */
  readonly uri: string;
  readonly pid: number | undefined;
  /** Resolves when it serves clients. */
  readonly ready: Promise<void>;
  /** As a power cut of its machine. */
  kill(): Promise<ProcessExit>;
  /** In order, as a service manager would. */
  stop(): Promise<ProcessExit>;
}

/** Starts ActiveMQ; resolves when it serves clients. */
export async function startActiveMq(options: ActiveMqOptions = {}): Promise<ActiveMq> {
  const port = options.port ?? (await freePort());
  const uri = `tcp://127.0.0.1:${port}`;
  const program = await compileJava(SOURCE);
  const listen = options.connectorQuery === undefined ? uri : `${uri}?${options.connectorQuery}`;
  const stomp = options.stompPort === undefined ? [] : [`stomp://127.0.0.1:${options.stompPort}`];
  const { name = 'activemq', directory = '-', lockPollMs = 1000, javaArgs } = options;
  if (options.jdbc !== undefined && options.directory === undefined) {
    throw new TypeError('ActiveMQ on a database needs a directory too');
  }
  const broker: ManagedProcess = runJava(
    program,
    [name, storeOf(options), directory, String(lockPollMs), listen, ...stomp],
    javaArgs === undefined ? {} : { javaArgs },
  );
  const ready = broker.line(/^READY$/, { timeoutMs: 60_000 }).then(() => undefined);
  if (options.isAwaited === false) ready.catch(() => undefined);
  else await ready;
  return {
    port,
    uri,
    pid: broker.pid,
    ready,
    kill: () => broker.kill(),
    stop: () => broker.kill('SIGTERM'),
    [Symbol.asyncDispose]: () => broker[Symbol.asyncDispose](),
  };
}

/** As ActiveMqServer.java takes it. */
function storeOf({ directory, jdbc }: ActiveMqOptions): string {
  if (jdbc === undefined) return directory === undefined ? 'memory' : 'kahadb';
  const uri = `jdbc:postgresql://127.0.0.1:${jdbc.postgresPort}/mq?user=mq`;
  return `${uri},${jdbc.locker ?? 'row'}`;
}
