import type { Socket } from 'node:net';
import type { Protocol } from './protocol.ts';

/**
 * Bytes after which a peer that nobody recognised is given up. STOMP has the longest beginnings: any
 * number of line ends before `CONNECT`. OpenWire is told by 13 bytes, HTTP by 4, TLS by 1.
 */
const FIRST_BYTES_MAX = 64;

/** Who recognised a peer; `none` if nobody does and more bytes would not help. */
export type Verdict<T extends Pick<Protocol, 'recognises'>> = T | 'none' | undefined;

/** The first of `candidates` that recognises the bytes; undefined while more bytes may tell. */
export function recognise<T extends Pick<Protocol, 'recognises'>>(
  candidates: readonly T[],
  firstBytes: Uint8Array,
): Verdict<T> {
  let isOpen = false;
  for (const candidate of candidates) {
    const answer = candidate.recognises(firstBytes);
    if (answer === true) return candidate;
    if (answer === undefined) isOpen = true;
  }
  return isOpen && firstBytes.length < FIRST_BYTES_MAX ? undefined : 'none';
}

/**
 * Reads from `socket` until it is known who it belongs to. The bytes go back to the front of the
 * socket, which is left paused: whoever reads it next gets them first, and pays nothing for it later.
 */
export function readFirstBytes<T extends Pick<Protocol, 'recognises'>>(
  socket: Socket,
  candidates: readonly T[],
  decided: (verdict: T | 'none', firstBytes: Uint8Array) => void,
): void {
  let firstBytes: Buffer | undefined;
  const received = (chunk: Buffer): void => {
    firstBytes = firstBytes === undefined ? chunk : Buffer.concat([firstBytes, chunk]);
    const verdict = recognise(candidates, firstBytes);
    if (verdict === undefined) return;
    socket.off('data', received);
    socket.pause();
    socket.unshift(firstBytes);
    decided(verdict, firstBytes);
  };
  socket.on('data', received);
}
