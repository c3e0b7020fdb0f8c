import { createConnection, type Socket } from 'node:net';

export type Headers = Readonly<Record<string, string>>;

/** A frame that the broker sent, headers as they were written. */
export interface ServerFrame {
  readonly command: string;
  readonly headers: Headers;
  readonly body: Buffer;
}

/** How long a test waits for a frame that must come. */
const PATIENCE_MS = 5000;

/** Writes exactly what it is told to, and reads frames by the letter of the specification. */
export class RawClient {
  readonly #socket: Socket;
  readonly #frames: ServerFrame[] = [];
  #bytes = Buffer.alloc(0);
  #ended = false;
  #waiting: (() => void) | undefined;
  /** Line ends between frames: heart-beats, but for the one behind each frame. */
  lineEndCount = 0;

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.on('data', (chunk: Buffer) => {
      this.#bytes = Buffer.concat([this.#bytes, chunk]);
      this.#cut();
      this.#waiting?.();
    });
    socket.on('error', () => undefined);
    socket.on('close', () => {
      this.#ended = true;
      this.#waiting?.();
    });
  }

  static async open(uri: string): Promise<RawClient> {
    const { hostname, port } = new URL(uri.replace('tcp:', 'http:'));
    const socket = createConnection({ host: hostname, port: Number(port), noDelay: true });
    const client = new RawClient(socket);
    await new Promise<void>((resolve, reject) => {
      socket.once('connect', resolve);
      socket.once('error', reject);
    });
    return client;
  }

  /** Bytes, a character each. */
  write(text: string | Uint8Array): void {
    this.#socket.write(typeof text === 'string' ? Buffer.from(text, 'latin1') : text);
  }

  /** A frame whose headers are written as they are given. */
  send(command: string, headers: Headers = {}, body: string | Uint8Array = ''): void {
    const lines = Object.entries(headers).map(([name, value]) => `${name}:${value}\n`);
    this.#socket.write(
      Buffer.concat([
        Buffer.from(`${command}\n${lines.join('')}\n`),
        typeof body === 'string' ? Buffer.from(body) : body,
        Buffer.of(0),
      ]),
    );
  }

  /** Sends it with a receipt header, and waits for the receipt. */
  async sendSettled(
    command: string,
    headers: Headers = {},
    body: string | Uint8Array = '',
  ): Promise<void> {
    this.#receiptCount += 1;
    const receipt = `settled-${this.#receiptCount}`;
    this.send(command, { ...headers, receipt }, body);
    const index = await this.#find(
      ({ command: name, headers: { 'receipt-id': id } }) =>
        name === 'ERROR' || (name === 'RECEIPT' && id === receipt),
    );
    const [frame] = this.#frames.splice(index, 1);
    if (frame?.command !== 'RECEIPT') throw new Error(`refused: ${String(frame?.body)}`);
  }

  #receiptCount = 0;

  /** The next frame of any kind, or the next of that kind. Rejects at the end of the connection. */
  async next(command?: string): Promise<ServerFrame> {
    const index = await this.#find((frame) => command === undefined || frame.command === command);
    const [frame] = this.#frames.splice(index, 1);
    if (frame === undefined) throw new Error('found and gone');
    return frame;
  }

  /** The frames that have arrived and were not asked for. */
  get pending(): readonly ServerFrame[] {
    return this.#frames;
  }

  /** Waits until the broker has closed the connection. */
  async ended(): Promise<void> {
    await this.#until(() => this.#ended);
  }

  /** Waits until that many line ends came that belong to no frame. */
  async lineEnds(count: number): Promise<void> {
    await this.#until(() => this.lineEndCount >= count);
  }

  destroy(): void {
    this.#socket.destroy();
  }

  async #find(matches: (frame: ServerFrame) => boolean): Promise<number> {
    await this.#until(() => this.#frames.some(matches) || this.#ended);
    const index = this.#frames.findIndex(matches);
    if (index < 0) throw new Error(`closed; before that: ${JSON.stringify(this.#frames)}`);
    return index;
  }

  async #until(condition: () => boolean): Promise<void> {
    const deadline = Date.now() + PATIENCE_MS;
    while (!condition()) {
      const left = deadline - Date.now();
      if (left <= 0) throw new Error(`not in time; there is: ${JSON.stringify(this.#frames)}`);
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, left);
        this.#waiting = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
  }

  #cut(): void {
    for (;;) {
      while (this.#bytes[0] === 10) {
        this.#bytes = this.#bytes.subarray(1);
        this.lineEndCount += 1;
      }
      const headersEnd = this.#bytes.indexOf('\n\n');
      if (headersEnd < 0) return;
      const [command = '', ...lines] = this.#bytes.toString('utf8', 0, headersEnd).split('\n');
      const pairs = lines.map((line): [string, string] => {
        const colon = line.indexOf(':');
        return [line.slice(0, colon), line.slice(colon + 1)];
      });
      // The first of repeated headers counts.
      const headers = Object.fromEntries(pairs.reverse());
      const bodyStart = headersEnd + 2;
      const length = headers['content-length'];
      const bodyEnd =
        length === undefined ? this.#bytes.indexOf(0, bodyStart) : bodyStart + Number(length);
      if (bodyEnd < 0 || bodyEnd >= this.#bytes.length) return;
      if (this.#bytes[bodyEnd] !== 0) throw new Error('a frame without its NUL');
      this.#frames.push({
        command,
        headers,
        body: Buffer.from(this.#bytes.subarray(bodyStart, bodyEnd)),
      });
      this.#bytes = this.#bytes.subarray(bodyEnd + 1);
      // The line end behind each frame.
      if (this.#bytes[0] === 10) this.#bytes = this.#bytes.subarray(1);
    }
  }
}
