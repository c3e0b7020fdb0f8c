import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ManagedProcess, type ProcessExit } from './managed-process.ts';
import { freePort, freePorts } from './ports.ts';

/** What its own script would find if nobody said otherwise. */
const PROGRAM = '/usr/lib/rabbitmq/bin/rabbitmq-server';

export interface RabbitMqOptions {
  /** Where it keeps everything. */
  readonly directory: string;
  /** STOMP port on the loopback interface. @defaultValue a free one */
  readonly port?: number;
}

/** A real RabbitMQ of this machine that speaks STOMP on the loopback interface. */
export interface RabbitMq extends AsyncDisposable {
  readonly port: number;
  /** `tcp://127.0.0.1:port`. */
  readonly uri: string;
  readonly pid: number | undefined;
  /** As a power cut of its machine. */
  kill(): Promise<ProcessExit>;
  /** In order, as a service manager would. */
  stop(): Promise<ProcessExit>;
}

/** Starts RabbitMQ with its STOMP plugin; resolves when it serves clients. Needs Debian's `rabbitmq-server`. */
export async function startRabbitMq({ directory, port }: RabbitMqOptions): Promise<RabbitMq> {
  const stompPort = port ?? (await freePort());
  const [namesPort, distributionPort] = await freePorts(2);
  await mkdir(directory, { recursive: true });
  const file = (name: string): string => join(directory, name);
  await writeFile(
    file('rabbitmq.conf'),
    `listeners.tcp = none\nstomp.listeners.tcp.1 = 127.0.0.1:${stompPort}\nlog.console = true\n`,
  );
  await writeFile(file('enabled_plugins'), '[rabbitmq_stomp].\n');
  // Erlang's name server, which RabbitMQ would otherwise start for the whole machine and leave behind.
  const names = new ManagedProcess('epmd', ['-port', String(namesPort), '-address', '127.0.0.1']);
  const server = new ManagedProcess(PROGRAM, [], {
    env: {
      HOME: directory,
      ERL_EPMD_PORT: String(namesPort),
      RABBITMQ_NODENAME: 'test@localhost',
      RABBITMQ_DIST_PORT: String(distributionPort),
      RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS: '-kernel inet_dist_use_interface {127,0,0,1}',
      RABBITMQ_CONFIG_FILE: file('rabbitmq.conf'),
      RABBITMQ_ENABLED_PLUGINS_FILE: file('enabled_plugins'),
      RABBITMQ_MNESIA_BASE: file('mnesia'),
      RABBITMQ_LOG_BASE: file('log'),
      RABBITMQ_PID_FILE: file('pid'),
      // The script becomes the server, so that signals reach it, instead of waiting for it.
      RUNNING_UNDER_SYSTEMD: 'true',
    },
  });
  await server.line(/completed with \d+ plugins/, { timeoutMs: 60_000 });
  const end = async (signal: NodeJS.Signals): Promise<ProcessExit> => {
    const exit = await server.kill(signal);
    await names.kill();
    return exit;
  };
  return {
    port: stompPort,
    uri: `tcp://127.0.0.1:${stompPort}`,
    pid: server.pid,
    kill: () => end('SIGKILL'),
    stop: () => end('SIGTERM'),
    [Symbol.asyncDispose]: async () => {
      await end('SIGKILL');
    },
  };
}
