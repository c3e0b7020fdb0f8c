import type { ConnectionHandler, TransportConnection } from '@batonmq/transport';

/** A connection without a socket: bytes arrive when a test says so, and what is sent goes nowhere. */
export class ScriptedConnection implements TransportConnection {
  readonly remoteAddress = 'tcp://127.0.0.1:1';
  readonly localAddress = 'tcp://127.0.0.1:2';
  readonly bufferedBytes = 0;
  readonly isCongested = false;
  #handler: ConnectionHandler | undefined;
  #isFlushRequested = false;

  start(handler: ConnectionHandler): void {
    this.#handler = handler;
  }

  arrives(chunk: Buffer): void {
    this.#handler?.received(chunk);
  }

  /** The peer is gone. */
  isCutOff(): void {
    this.#handler?.closed();
    this.#handler = undefined;
  }

  /** Lets the broker finish what it does at the end of that many turns. */
  async turns(count: number): Promise<void> {
    for (let turn = 0; turn < count; turn += 1) await new Promise(setImmediate);
  }

  requestFlush(): void {
    if (this.#isFlushRequested) return;
    this.#isFlushRequested = true;
    setImmediate(() => {
      this.#isFlushRequested = false;
      this.#handler?.take();
    });
  }

  pause(): void {
    // What arrives is up to the test.
  }

  resume(): void {
    // As above.
  }

  close(): Promise<void> {
    this.isCutOff();
    return Promise.resolve();
  }

  destroy(): void {
    this.isCutOff();
  }
}
