/** What the tests use of `stompit`, which brings no types. */
declare module 'stompit' {
  export interface Message {
    readonly headers: Readonly<Record<string, string>>;
    readString(encoding: string, done: (error: Error | null, body: string) => void): void;
  }

  export interface Client {
    send(headers: Record<string, string>): NodeJS.WritableStream;
    subscribe(
      headers: Record<string, string>,
      received: (error: Error | null, message: Message) => void,
    ): void;
    ack(message: Message): void;
    nack(message: Message): void;
    disconnect(done: (error: Error | null) => void): void;
  }

  export interface ConnectOptions {
    readonly host: string;
    readonly port: number;
    readonly connectHeaders: Readonly<Record<string, string>>;
    /** Connects under TLS; what follows is for that. */
    readonly ssl?: boolean;
    readonly ca?: string | Buffer;
    readonly cert?: string | Buffer;
    readonly key?: string | Buffer;
  }

  export function connect(
    options: ConnectOptions,
    done: (error: Error | null, client: Client) => void,
  ): void;
}
