/**
 * Every OpenWire peer begins with its `WireFormatInfo`, and nobody waits for the other's:
 *
 * ```text
 * 0        4      5          13
 * | size   | 1    | ActiveMQ | version ...
 * ```
 *
 * The size leads to no decision: it is judged when the frame is read.
 */
const SIZE_BYTES = 4;
const BEGINNING = Uint8Array.from([1, ...Buffer.from('ActiveMQ')]);

/** Whether a peer that begins like this speaks OpenWire; undefined if more bytes are needed. */
export function looksLikeOpenWire(firstBytes: Uint8Array): boolean | undefined {
  const known = firstBytes.subarray(SIZE_BYTES, SIZE_BYTES + BEGINNING.length);
  if (!known.every((byte, index) => byte === BEGINNING[index])) return false;
  return known.length < BEGINNING.length ? undefined : true;
}
