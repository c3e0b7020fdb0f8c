import { createBroker, type Broker, type CreateBrokerOptions } from '@batonmq/broker-core';
import type { LogFields, Logger, LogLevel } from '@batonmq/runtime';
import { nodeRuntime } from '@batonmq/runtime/node';
import { createMemorySpace, memoryStore } from '@batonmq/store-memory';
import { listen, type Listener } from '@batonmq/transport';
import { stompProtocol, type StompOptions, type StompProtocol } from '../src/index.ts';
import type { StompVersion } from '../src/codec/version.ts';
import { RawClient, type Headers } from './raw-client.ts';

/** A broker in this process, with a memory store and a listener of its own. */
export interface LiveBroker {
  readonly broker: Broker;
  readonly protocol: StompProtocol;
  readonly uri: string;
  readonly logged: readonly Logged[];
  /** A client that has sent nothing yet. */
  open(): Promise<RawClient>;
  /** A client that has logged in. */
  connect(version?: StompVersion, headers?: Headers): Promise<RawClient>;
  stop(): Promise<void>;
}

/** A line of the protocol's log. */
interface Logged {
  readonly level: LogLevel;
  readonly message: string;
  readonly fields: LogFields;
}

export async function startBroker(
  options: StompOptions = {},
  brokerOptions: Partial<CreateBrokerOptions> = {},
): Promise<LiveBroker> {
  const logged: Logged[] = [];
  const components = { ...nodeRuntime(), logger: memoryLogger(logged, {}) };
  const store = memoryStore({ space: createMemorySpace() });
  const broker = createBroker({ name: 'brkA', store, components, ...brokerOptions });
  const active = new Promise<void>((resolve) => {
    broker.on('role-changed', ({ to }) => {
      if (to === 'active') resolve();
    });
  });
  await broker.start();
  await active;
  const protocol = stompProtocol({ broker, components, options });
  const listener: Listener = await listen('tcp://127.0.0.1:0', (connection) => {
    protocol.accept(connection);
  });
  const clients: RawClient[] = [];
  return {
    broker,
    protocol,
    uri: listener.uri,
    logged,
    async open() {
      const client = await RawClient.open(listener.uri);
      clients.push(client);
      return client;
    },
    async connect(version = '1.2', headers = {}) {
      const client = await RawClient.open(listener.uri);
      clients.push(client);
      client.send('CONNECT', { 'accept-version': version, host: 'localhost', ...headers });
      await client.next('CONNECTED');
      return client;
    },
    async stop() {
      for (const client of clients) client.destroy();
      await listener.close();
      await protocol.close();
      await broker.stop();
    },
  };
}

function memoryLogger(lines: Logged[], inherited: LogFields): Logger {
  return {
    log(level, message, fields) {
      lines.push({ level, message, fields: { ...inherited, ...fields } });
    },
    child: (fields) => memoryLogger(lines, { ...inherited, ...fields }),
  };
}
