import { createBroker, type Broker } from '@batonmq/broker-core';
import { BrokerError } from '@batonmq/model';
import { openWireProtocol, type OpenWireProtocol } from '@batonmq/protocol-openwire';
import { nodeRuntime } from '@batonmq/runtime/node';
import { createMemorySpace, memoryStore, type MemorySpace } from '@batonmq/store-memory';
import { serve, type Listener, type ServeOptions } from '@batonmq/transport';

/**
 * Brokers of this process in line for one memory: as two machines on one shared directory. Only the
 * active one listens, for plain, TLS and WebSocket clients on one port.
 */
export class TestBroker implements AsyncDisposable {
  readonly #broker: Broker;
  readonly #protocol: OpenWireProtocol;
  readonly #listening: Promise<void>;
  #listener: Listener | undefined;

  constructor(space: MemorySpace, name: string, port: number, options: ServeOptions = {}) {
    const components = nodeRuntime();
    this.#broker = createBroker({ name, store: memoryStore({ space }), components });
    this.#protocol = openWireProtocol({ broker: this.#broker, components });
    this.#listening = new Promise((resolve, reject) => {
      this.#broker.on('role-changed', ({ to }) => {
        if (to !== 'active') return;
        serve(`tcp://127.0.0.1:${port}`, [this.#protocol], options).then((listener) => {
          this.#listener = listener;
          resolve();
        }, reject);
      });
    });
  }

  /** Goes in line; resolves when waiting has begun. */
  start(): Promise<void> {
    return this.#broker.start();
  }

  /** Resolves when clients can connect. */
  get listening(): Promise<void> {
    return this.#listening;
  }

  /** Gone for its clients at once and without a word; then the next in line gets its turn. */
  async vanish(): Promise<void> {
    const closed = this.#listener?.close();
    this.#protocol.disconnectAll(new BrokerError('BATON_FENCED', 'The broker is gone'));
    await closed;
    await this.#broker.stop();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.vanish();
    await this.#protocol.close({ timeoutMs: 0 });
  }
}

export async function startBroker(port: number): Promise<TestBroker> {
  const broker = new TestBroker(createMemorySpace(), 'solo', port);
  await broker.start();
  await broker.listening;
  return broker;
}
