/**
 * A kept message must not hold on to much more than itself. The chunk it arrived in has up to
 * 64 KiB of other frames, so a part of it is copied unless it is at least half of the memory under it.
 * Small copies share blocks of 8 KiB, because memory of its own for each costs more than the copy.
 */
export function ownedBytes(bytes: Buffer): Buffer {
  if (isWorthKeeping(bytes)) return bytes;
  const own = Buffer.allocUnsafe(bytes.length);
  own.set(bytes);
  return own;
}

const LENGTH_BYTES = 4;

/**
 * The same with the length in front, as the content of a text message has it.
 *
 * Where nothing is copied the length is written over the four bytes in front, which are the end of the
 * headers: they must have been read before.
 */
export function ownedWithLength(bytes: Buffer): Buffer {
  const { length, byteOffset } = bytes;
  if (isWorthKeeping(bytes) && byteOffset >= LENGTH_BYTES) {
    const kept = Buffer.from(bytes.buffer, byteOffset - LENGTH_BYTES, LENGTH_BYTES + length);
    kept.writeInt32BE(length, 0);
    return kept;
  }
  const own = Buffer.allocUnsafe(LENGTH_BYTES + length);
  own.writeInt32BE(length, 0);
  own.set(bytes, LENGTH_BYTES);
  return own;
}

function isWorthKeeping(bytes: Buffer): boolean {
  return bytes.length * 2 >= bytes.buffer.byteLength;
}
