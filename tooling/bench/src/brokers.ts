import { connect } from 'node:net';
import { basename, dirname } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import {
  ManagedProcess,
  freePort,
  startActiveMq,
  startNats,
  startRabbitMq,
  type DatabaseServer,
  type ProcessExit,
} from '@batonmq/services';

/** The checkout that is measured. */
const CHECKOUT = fileURLToPath(new URL('../../..', import.meta.url));

/** As its own `initdb` leaves it. */
const DATABASE = 'a PostgreSQL server of its own as initdb leaves it, fsync=on';

/** So long a connection lives that a broker means to keep. */
const STAYS_OPEN_MS = 50;

/** `baseline` is BatonMQ from another checkout; `-postgresql` says where its messages are. */
export const BROKER_NAMES = [
  ...['batonmq', 'baseline', 'activemq', 'rabbitmq', 'nats'],
  ...['batonmq-postgresql', 'baseline-postgresql', 'activemq-postgresql'],
] as const;
export type BrokerName = (typeof BROKER_NAMES)[number];

/** Whether its setup needs a database. */
export function usesDatabase(name: BrokerName): boolean {
  return name.endsWith('-postgresql');
}

/** `text`: STOMP, or NATS' own with its broker. */
export type Protocol = 'openwire' | 'text';

export interface BrokerSetup {
  readonly name: BrokerName;
  /** What the generator speaks. */
  readonly protocol: Protocol;
  /** Where it keeps its messages, unless there is a database. */
  readonly directory: string;
  /** Of a broker that {@link usesDatabase}: an empty one. */
  readonly database: DatabaseServer | undefined;
  /** @defaultValue a free one */
  readonly port?: number;
  /** Checkout of `baseline`, built. */
  readonly baseline: string | undefined;
  /** Largest heap of a Java broker, in MiB. */
  readonly heapMib: number;
  /** File that BatonMQ writes a CPU profile to when it is stopped. */
  readonly profilePath: string | undefined;
}

export interface RunningBroker extends AsyncDisposable {
  readonly pid: number;
  readonly port: number;
  readonly uri: string;
  /** As a power cut of its machine. */
  kill(): Promise<unknown>;
  /** In order. */
  stop(): Promise<unknown>;
}

/** Starts a broker; resolves when it takes connections. */
export async function startBroker(setup: BrokerSetup): Promise<RunningBroker> {
  switch (setup.name) {
    case 'batonmq':
    case 'batonmq-postgresql':
      return startBatonMqOf(CHECKOUT, setup);
    case 'baseline':
    case 'baseline-postgresql':
      if (setup.baseline === undefined) throw new Error('Name its checkout: --baseline DIR');
      return startBatonMqOf(setup.baseline, setup);
    case 'activemq':
    case 'activemq-postgresql':
      return startJavaBroker(setup);
    case 'rabbitmq':
      return withPid(await startRabbitMq(placeOf(setup)));
    case 'nats':
      return withPid(await startNats(placeOf(setup)));
  }
}

/** The settings that decide about a broker's durability and speed, for the record. */
export function settingsOf(name: BrokerName, heapMib: number): string {
  switch (name) {
    case 'activemq':
      return `KahaDB, journalDiskSyncStrategy=always, no JMX, -Xmx${heapMib}m, otherwise defaults`;
    case 'activemq-postgresql':
      return `JDBC on ${DATABASE}, pool of 50 that prepares statements, no JMX, -Xmx${heapMib}m, otherwise defaults`;
    case 'rabbitmq':
      return 'STOMP plugin, durable classic queues, otherwise defaults';
    case 'nats':
      return 'JetStream with file storage and a work queue, receipts before the sync, otherwise defaults';
    case 'batonmq':
    case 'baseline':
      return '--store file:DIR (receipts after fdatasync), otherwise defaults';
    case 'batonmq-postgresql':
    case 'baseline-postgresql':
      return `--store postgres://… on ${DATABASE}, otherwise defaults`;
  }
}

/** Not by `startBatonMq` of the services, which knows this checkout alone. */
async function startBatonMqOf(checkout: string, setup: BrokerSetup): Promise<RunningBroker> {
  const port = setup.port ?? (await freePort());
  const uri = `tcp://127.0.0.1:${port}`;
  const store = setup.database?.uri ?? `file:${setup.directory}`;
  const broker = new ManagedProcess(process.execPath, [
    ...profileArguments(setup.profilePath),
    `${checkout}/apps/broker-server/bin/batonmq.js`,
    'start',
    ...['--name', 'bench', '--listen', uri, '--store', store],
    ...['--admin', 'off', '--log', 'json'],
  ]);
  await listening(port, broker);
  return {
    pid: startedPid(broker.pid),
    port,
    uri,
    kill: () => broker.kill(),
    stop: () => broker.kill('SIGTERM'),
    [Symbol.asyncDispose]: () => broker[Symbol.asyncDispose](),
  };
}

function profileArguments(path: string | undefined): string[] {
  if (path === undefined) return [];
  return ['--cpu-prof', `--cpu-prof-dir=${dirname(path)}`, `--cpu-prof-name=${basename(path)}`];
}

async function startJavaBroker(setup: BrokerSetup): Promise<RunningBroker> {
  const { directory, database, heapMib } = setup;
  const port = setup.port ?? (await freePort());
  const store = {
    directory,
    ...(database === undefined ? {} : { jdbc: { postgresPort: database.port } }),
  };
  const javaArgs = [`-Xmx${heapMib}m`];
  if (setup.protocol === 'openwire') {
    return withPid(await startActiveMq({ ...store, javaArgs, port }));
  }
  const broker = await startActiveMq({ ...store, javaArgs, stompPort: port });
  return withPid({ ...broker, port, uri: `tcp://127.0.0.1:${port}` });
}

function placeOf({ directory, port }: BrokerSetup): { directory: string; port?: number } {
  return port === undefined ? { directory } : { directory, port };
}

function withPid(broker: StartedBroker): RunningBroker {
  return { ...broker, pid: startedPid(broker.pid) };
}

/** As the services give it. */
interface StartedBroker extends AsyncDisposable {
  readonly port: number;
  readonly uri: string;
  readonly pid: number | undefined;
  kill(): Promise<ProcessExit>;
  stop(): Promise<ProcessExit>;
}

function startedPid(pid: number | undefined): number {
  if (pid === undefined) throw new Error('The broker could not be started');
  return pid;
}

/** A BatonMQ broker listens once it is active, so a connection is the sign in every version. */
async function listening(port: number, broker: ManagedProcess): Promise<void> {
  const end = new AbortController();
  void broker.exited.then(() => {
    end.abort();
  });
  const deadline = Date.now() + 30_000;
  while (!(await accepts(port))) {
    if (end.signal.aborted || Date.now() > deadline) {
      await broker.kill();
      throw new Error(`The broker does not listen. Its last lines:\n${broker.output}`);
    }
    await delay(5);
  }
}

/** A broker opens its port for a moment to see whether it may, before it waits in line: only a connection that stays is a sign. */
function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    const decide = (isAccepted: boolean): void => {
      socket.destroy();
      resolve(isAccepted);
    };
    socket.setTimeout(STAYS_OPEN_MS, () => {
      decide(!socket.connecting);
    });
    for (const event of ['error', 'end', 'close']) {
      socket.once(event, () => {
        decide(false);
      });
    }
    socket.resume();
  });
}
