/**
 * A kept message must not hold on to much more than itself. The chunk it arrived in has up to
 * 64 KiB of other frames, so a part of it is copied unless it is at least half of the memory under it.
 * Small copies share a pool of 8 KiB blocks, which costs a fifth of memory of their own each
 * (bench/message-path.bench.ts).
 */
export function ownedBytes(bytes: Buffer, start: number, end: number): Buffer {
  if (isWorthKeeping(bytes, end - start)) return bytes.subarray(start, end);
  const own = Buffer.allocUnsafe(end - start);
  bytes.copy(own, 0, start, end);
  return own;
}

const LENGTH_BYTES = 4;

/**
 * The same with the length in front, as the content of a text message has it.
 *
 * Where nothing is copied the length is written over the four bytes in front, which are the end of the
 * headers: they must have been read before.
 */
export function ownedWithLength(bytes: Buffer, start: number, end: number): Buffer {
  const length = end - start;
  if (start >= LENGTH_BYTES && isWorthKeeping(bytes, length)) {
    bytes.writeInt32BE(length, start - LENGTH_BYTES);
    return bytes.subarray(start - LENGTH_BYTES, end);
  }
  const own = Buffer.allocUnsafe(LENGTH_BYTES + length);
  own.writeInt32BE(length, 0);
  bytes.copy(own, LENGTH_BYTES, start, end);
  return own;
}

function isWorthKeeping(bytes: Buffer, length: number): boolean {
  return length * 2 >= bytes.buffer.byteLength;
}
