import {
  command,
  createWireFormat,
  FrameReader,
  FrameWriter,
  negotiate,
  preferredWireFormatInfo,
  type Command,
  type WireFormatOptions,
} from '@batonmq/openwire';
import { listen, type Listener, type TransportConnection } from '@batonmq/transport';

/** One client connection as the peer sees it. */
export class PeerConnection {
  /** Everything received after negotiation, keep-alives too. */
  readonly received: Command[] = [];
  readonly closed: Promise<void>;
  readonly #connection: TransportConnection;
  readonly #writer = new FrameWriter();
  readonly #waiting = new Set<() => void>();

  constructor(connection: TransportConnection, script: Script, options: WireFormatOptions) {
    this.#connection = connection;
    const ours = preferredWireFormatInfo(options);
    const reader = new FrameReader();
    let end: (() => void) | undefined;
    this.closed = new Promise((resolve) => {
      end = resolve;
    });
    connection.start({
      take: () => this.#writer.take(),
      received: (chunk) => {
        for (const incoming of reader.push(chunk)) {
          if (incoming.type === 'WireFormatInfo') {
            const format = createWireFormat(negotiate(ours, incoming));
            reader.start(format);
            this.#writer.start(format);
            this.send(command('BrokerInfo', { brokerName: options.providerName ?? 'peer' }));
            continue;
          }
          this.received.push(incoming);
          script(this, incoming);
          for (const wake of [...this.#waiting]) wake();
        }
      },
      drained: () => undefined,
      closed: () => end?.(),
    });
    this.#writer.write(ours);
    connection.requestFlush();
  }

  send(outgoing: Command): void {
    this.#writer.write(outgoing);
    this.#connection.requestFlush();
  }

  /** Answers a command that asked for it. */
  answer(to: Command): void {
    if ('responseRequired' in to && to.responseRequired) {
      this.send(command('Response', { correlationId: to.commandId }));
    }
  }

  /** As a broker that dies. */
  cut(): void {
    this.#connection.destroy();
  }

  /** The first received command of a type, as soon as there is one. */
  async first<T extends Command['type']>(
    type: T,
    skip = 0,
  ): Promise<Extract<Command, { type: T }>> {
    for (;;) {
      const found = this.received.filter((one) => one.type === type)[skip];
      if (found !== undefined) return found as Extract<Command, { type: T }>;
      await new Promise<void>((resolve) => {
        const wake = (): void => {
          this.#waiting.delete(wake);
          resolve();
        };
        this.#waiting.add(wake);
      });
    }
  }

  get types(): string[] {
    return this.received.map(({ type }) => type);
  }
}

export type Script = (peer: PeerConnection, incoming: Command) => void;

/** Answers everything with success. */
export const agreeable: Script = (peer, incoming) => {
  peer.answer(incoming);
};

/** A peer that speaks OpenWire and does what its script says, for what no real broker does on demand. */
export class ScriptedPeer implements AsyncDisposable {
  readonly uri: string;
  readonly connections: PeerConnection[] = [];
  script: Script;
  readonly #listener: Listener;
  readonly #waiting = new Set<() => void>();

  private constructor(listener: Listener, script: Script) {
    this.#listener = listener;
    this.uri = listener.uri;
    this.script = script;
  }

  static async start(
    script: Script = agreeable,
    options: WireFormatOptions = {},
  ): Promise<ScriptedPeer> {
    const listener = await listen('tcp://127.0.0.1:0', (connection) => {
      const accepted = new PeerConnection(
        connection,
        (from, incoming) => {
          peer.script(from, incoming);
        },
        options,
      );
      peer.connections.push(accepted);
      for (const wake of [...peer.#waiting]) wake();
    });
    const peer = new ScriptedPeer(listener, script);
    return peer;
  }

  /** The n-th connection, counted from 0, as soon as it is there. */
  async connection(index: number): Promise<PeerConnection> {
    for (;;) {
      const found = this.connections[index];
      if (found !== undefined) return found;
      await new Promise<void>((resolve) => {
        const wake = (): void => {
          this.#waiting.delete(wake);
          resolve();
        };
        this.#waiting.add(wake);
      });
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const connection of this.connections) connection.cut();
    await this.#listener.close();
  }
}
