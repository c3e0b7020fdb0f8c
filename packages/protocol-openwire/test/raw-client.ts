import {
  createWireFormat,
  FrameReader,
  FrameWriter,
  negotiate,
  preferredWireFormatInfo,
  readPreferences,
  type Command,
  type TypeName,
  type StructureOf,
  type WireFormatInfo,
  type WireFormatOptions,
  type WireFormatPreferences,
} from '@batonmq/openwire';
import { dial, type ConnectionHandler, type TransportConnection } from '@batonmq/transport';

/** How long a test waits for what must come. */
const WAIT_MS = 5000;

/** The commands that stand alone, by name. */
type Named<T extends TypeName> = Extract<Command, StructureOf<T>>;

/** A socket that speaks OpenWire and has no opinion: what it gets stays in its inbox until it is taken. */
export class RawClient implements ConnectionHandler {
  readonly inbox: Command[] = [];
  isClosed = false;
  /** What the broker asked for in the negotiation. */
  theirPreferences: WireFormatPreferences | undefined;
  readonly #transport: TransportConnection;
  readonly #reader = new FrameReader();
  readonly #writer = new FrameWriter();
  readonly #preferences: WireFormatInfo;
  readonly #waiting = new Set<() => void>();

  private constructor(transport: TransportConnection, options: WireFormatOptions) {
    this.#transport = transport;
    this.#preferences = preferredWireFormatInfo(options);
    transport.start(this);
    this.#write(this.#preferences);
  }

  /** Connected and negotiated; the broker's `BrokerInfo` is the first thing in its inbox. */
  static async connect(uri: string, options: WireFormatOptions = {}): Promise<RawClient> {
    const client = new RawClient(await dial(uri), options);
    await client.#until(() => client.inbox.some(({ type }) => type === 'BrokerInfo'));
    return client;
  }

  send(...commands: Command[]): void {
    for (const command of commands) this.#write(command);
  }

  /** Takes the first command out of the inbox that passes, waiting for it if it has to come yet. */
  async takeWhere(what: string, passes: (command: Command) => boolean): Promise<Command> {
    const find = (): number => this.inbox.findIndex(passes);
    await this.#until(() => find() >= 0 || this.isClosed, what);
    const [taken] = find() >= 0 ? this.inbox.splice(find(), 1) : [];
    if (taken) return taken;
    throw new Error(`the connection was closed before ${what} came`);
  }

  /** The next command of a type. */
  async next<T extends TypeName>(type: T): Promise<Named<T>> {
    return (await this.takeWhere(type, (command) => command.type === type)) as Named<T>;
  }

  /** Sends a command and waits for its reply, whatever that is. */
  async request(command: Command & { commandId: number }): Promise<Command> {
    this.send({ ...command, responseRequired: true } as Command);
    return this.takeWhere(
      `the reply to ${command.type}`,
      (reply) => 'correlationId' in reply && reply.correlationId === command.commandId,
    );
  }

  async untilClosed(): Promise<void> {
    await this.#until(() => this.isClosed, 'the end of the connection');
  }

  /** Everything sent before has been carried out when this resolves, and its replies are here. */
  async roundTrip(): Promise<void> {
    const commandId = 1_000_000;
    this.send({ type: 'KeepAliveInfo', commandId, responseRequired: true });
    await this.next('KeepAliveInfo');
  }

  /** Stops and goes on reading. */
  pause(): void {
    this.#transport.pause();
  }
  resume(): void {
    this.#transport.resume();
  }

  async close(): Promise<void> {
    await this.#transport.close();
  }

  destroy(): void {
    this.#transport.destroy();
  }

  received(chunk: Uint8Array): void {
    for (const command of this.#reader.push(chunk)) {
      if (command.type === 'WireFormatInfo') this.#agree(command);
      else this.inbox.push(command);
    }
    this.#wake();
  }

  #agree(theirs: WireFormatInfo): void {
    this.theirPreferences = readPreferences(theirs);
    const format = createWireFormat(negotiate(this.#preferences, theirs));
    this.#reader.start(format);
    this.#writer.start(format);
  }

  take(): readonly Uint8Array[] {
    return this.#writer.take();
  }

  drained(): void {
    // A test sends little.
  }

  closed(): void {
    this.isClosed = true;
    this.#wake();
  }

  #write(command: Command): void {
    this.#writer.write(command);
    this.#transport.requestFlush();
  }

  #wake(): void {
    for (const resolve of this.#waiting) resolve();
    this.#waiting.clear();
  }

  async #until(condition: () => boolean, what = 'the broker'): Promise<void> {
    const deadline = performance.now() + WAIT_MS;
    while (!condition()) {
      const leftMs = deadline - performance.now();
      if (leftMs <= 0) throw new Error(`${what} did not come within ${WAIT_MS} ms`);
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, leftMs);
        this.#waiting.add(() => {
          clearTimeout(timer);
          resolve();
        });
      });
    }
  }
}
