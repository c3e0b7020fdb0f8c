/**
 * CRC-32C (Castagnoli), reflected polynomial 0x82F63B78, as in RFC 3720 appendix B.4.
 *
 * Eight bytes a step ("slicing by 8"): table k says what a byte does to the sum when k more bytes
 * follow it, so the eight look-ups of a step do not wait for one another.
 */
const TABLES = makeTables();

/**
 * The checksum of `bytes[from..to)`. Give the checksum of what goes before as `previous` to sum
 * pieces as if they were one.
 */
export function crc32c(bytes: Uint8Array, from = 0, to = bytes.length, previous = 0): number {
  const t = TABLES;
  let crc = ~previous;
  let at = from;
  const lastStep = to - 8;
  for (; at <= lastStep; at += 8) {
    const low =
      crc ^
      (byte(bytes, at) |
        (byte(bytes, at + 1) << 8) |
        (byte(bytes, at + 2) << 16) |
        (byte(bytes, at + 3) << 24));
    crc =
      look(t, 0x700 | (low & 0xff)) ^
      look(t, 0x600 | ((low >>> 8) & 0xff)) ^
      look(t, 0x500 | ((low >>> 16) & 0xff)) ^
      look(t, 0x400 | (low >>> 24)) ^
      look(t, 0x300 | byte(bytes, at + 4)) ^
      look(t, 0x200 | byte(bytes, at + 5)) ^
      look(t, 0x100 | byte(bytes, at + 6)) ^
      look(t, byte(bytes, at + 7));
  }
  for (; at < to; at += 1) crc = (crc >>> 8) ^ look(t, (crc ^ byte(bytes, at)) & 0xff);
  return ~crc >>> 0;
}

function byte(bytes: Uint8Array, at: number): number {
  return bytes[at] as number;
}

function look(tables: Int32Array, at: number): number {
  return tables[at] as number;
}

function makeTables(): Int32Array {
  const tables = new Int32Array(8 * 256);
  for (let value = 0; value < 256; value += 1) {
    let crc = value;
    for (let bit = 0; bit < 8; bit += 1) crc = crc & 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1;
    tables[value] = crc;
  }
  for (let at = 256; at < tables.length; at += 1) {
    const shorter = look(tables, at - 256);
    tables[at] = (shorter >>> 8) ^ look(tables, shorter & 0xff);
  }
  return tables;
}
