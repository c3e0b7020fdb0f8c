import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ManagedProcess, type ProcessExit } from './managed-process.ts';
import { freePort } from './ports.ts';

export interface NatsOptions {
  /** Where JetStream keeps its files. */
  readonly directory: string;
  /** Port on the loopback interface. @defaultValue a free one */
  readonly port?: number;
}

/** A real NATS server of this machine, with JetStream, on the loopback interface. */
export interface Nats extends AsyncDisposable {
  readonly port: number;
  /** `nats://127.0.0.1:port`. */
  readonly uri: string;
  readonly pid: number | undefined;
  /** As a power cut of its machine. */
  kill(): Promise<ProcessExit>;
  /** In order, as a service manager would. */
  stop(): Promise<ProcessExit>;
}

/** Starts NATS; resolves when it serves clients. Needs Debian's `nats-server`. */
export async function startNats(options: NatsOptions): Promise<Nats> {
  const port = options.port ?? (await freePort());
  await mkdir(options.directory, { recursive: true });
  const config = join(options.directory, 'nats.conf');
  const directory = JSON.stringify(join(options.directory, 'jetstream'));
  await writeFile(config, `listen: "127.0.0.1:${port}"\njetstream { store_dir: ${directory} }\n`);
  const server = new ManagedProcess('nats-server', ['-c', config]);
  await server.line(/Server is ready/);
  return {
    port,
    uri: `nats://127.0.0.1:${port}`,
    pid: server.pid,
    kill: () => server.kill(),
    stop: () => server.kill('SIGTERM'),
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}
