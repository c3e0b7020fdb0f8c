import { createBroker, type Broker, type CreateBrokerOptions } from '@batonmq/broker-core';
import type { LogFields, Logger, LogLevel } from '@batonmq/runtime';
import { nodeRuntime } from '@batonmq/runtime/node';
import { createMemorySpace, memoryStore, type MemorySpace } from '@batonmq/store-memory';
import { listen, type Listener } from '@batonmq/transport';
import { openWireProtocol, type OpenWireOptions, type OpenWireProtocol } from '../src/index.ts';
import { RawClient } from './raw-client.ts';
import type { WireFormatOptions } from '@batonmq/openwire';

/** A broker in this process, with a memory store and a listener of its own. */
export interface LiveBroker {
  readonly broker: Broker;
  readonly protocol: OpenWireProtocol;
  readonly uri: string;
  readonly logged: readonly Logged[];
  connect(options?: WireFormatOptions): Promise<RawClient>;
  stop(): Promise<void>;
}

/** A line of the protocol's log. */
interface Logged {
  readonly level: LogLevel;
  readonly message: string;
  readonly fields: LogFields;
}

export async function startBroker(
  options: OpenWireOptions = {},
  security?: CreateBrokerOptions['security'],
  {
    name = 'brkA',
    policies = [],
    space = createMemorySpace(),
  }: Pick<Partial<CreateBrokerOptions>, 'name' | 'policies'> & { space?: MemorySpace } = {},
): Promise<LiveBroker> {
  const logged: Logged[] = [];
  const components = { ...nodeRuntime(), logger: memoryLogger(logged, {}) };
  const store = memoryStore({ space });
  const broker = createBroker({
    name,
    store,
    components,
    policies,
    ...(security && { security }),
  });
  const active = new Promise<void>((resolve) => {
    broker.on('role-changed', ({ to }) => {
      if (to === 'active') resolve();
    });
  });
  await broker.start();
  await active;
  const protocol = openWireProtocol({ broker, components, options });
  const listener: Listener = await listen('tcp://127.0.0.1:0', (connection) => {
    protocol.accept(connection);
  });
  const clients: RawClient[] = [];
  return {
    broker,
    protocol,
    uri: listener.uri,
    logged,
    async connect(wireFormat) {
      const client = await RawClient.connect(listener.uri, wireFormat);
      clients.push(client);
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
