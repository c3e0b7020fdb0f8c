/**
 * Question: what does it cost to copy small bodies out of the chunk they arrived in, so that a kept
 * message does not keep 64 KiB?
 * Workload: bodies of 200 B, 1 KiB and 10 KiB, cut from 64 KiB chunks as a busy socket gives them; one
 * iteration is one chunk.
 * Leaves out: everything else that is done with a message.
 * Run with `npx vitest bench packages/protocol-openwire`.
 */
import { detach } from '@batonmq/openwire';
import { bench, describe } from 'vitest';

const CHUNK_BYTES = 65_536;

function cutChunk(bodyBytes: number, keep: (bytes: Uint8Array) => Uint8Array): Uint8Array[] {
  const chunk = Buffer.allocUnsafeSlow(CHUNK_BYTES);
  const bodies: Uint8Array[] = [];
  for (let at = 0; at + bodyBytes <= CHUNK_BYTES; at += bodyBytes) {
    bodies.push(keep(chunk.subarray(at, at + bodyBytes)));
  }
  return bodies;
}

for (const bodyBytes of [200, 1024, 10_240]) {
  describe(`${Math.floor(CHUNK_BYTES / bodyBytes)} bodies of ${bodyBytes} bytes`, () => {
    bench('views of their chunk', () => {
      cutChunk(bodyBytes, (bytes) => bytes);
    });
    bench('copies', () => {
      cutChunk(bodyBytes, detach);
    });
  });
}
