import { FrameWriter, preferredWireFormatInfo } from '@batonmq/openwire';
import type { ConnectionHandler, TransportConnection } from '@batonmq/transport';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startBroker } from './live-broker.ts';

let live: Awaited<ReturnType<typeof startBroker>>;
beforeAll(async () => {
  live = await startBroker();
});
afterAll(() => live.stop());

/** A socket whose other end sends and never reads. */
class StuckSocket implements TransportConnection {
  readonly remoteAddress = 'tcp://127.0.0.1:1';
  readonly localAddress = 'tcp://127.0.0.1:2';
  bufferedBytes = 0;
  isCongested = false;
  pauseCount = 0;
  handler: ConnectionHandler | undefined;

  start(handler: ConnectionHandler): void {
    this.handler = handler;
  }
  requestFlush(): void {
    // Nothing leaves.
  }
  pause(): void {
    this.pauseCount += 1;
  }
  resume(): void {
    this.pauseCount -= 1;
  }
  close(): Promise<void> {
    this.handler?.closed();
    return Promise.resolve();
  }
  destroy(error?: Error): void {
    this.handler?.closed(error);
  }
}

function hello(): Uint8Array {
  const writer = new FrameWriter();
  writer.write(preferredWireFormatInfo({}));
  return Buffer.concat(writer.take());
}

test('a peer that does not read its replies is not read from, until it does', () => {
  const socket = new StuckSocket();
  live.protocol.accept(socket);
  socket.isCongested = true;
  socket.bufferedBytes = 16 * 1024 * 1024 - 1;
  socket.handler?.received(hello());
  expect(socket.pauseCount).toBe(0);

  socket.bufferedBytes += 1;
  socket.handler?.received(new Uint8Array());
  socket.handler?.received(new Uint8Array());
  expect(socket.pauseCount).toBe(1);

  socket.isCongested = false;
  socket.bufferedBytes = 0;
  socket.handler?.drained();
  socket.handler?.drained();
  expect(socket.pauseCount).toBe(0);
});
