import { readLatin1 } from '@batonmq/message-content';

/** Slots, a power of two. Fewer make busy brokers decode names again, more only cost memory. */
const SLOTS = 4096;

/** Longer strings are seldom names that return; together with SLOTS this bounds the memory held. */
const LENGTH_MAX = 128;

const table: (string | undefined)[] = new Array<string | undefined>(SLOTS).fill(undefined);

/**
 * Reads ASCII text, giving back the string made last time when the same bytes return. Connection
 * ids and destination names come with every message; making them anew was the largest single cost
 * of decoding. One table serves all connections, since they use the same destinations; a slot is
 * simply overwritten by the next string that falls into it.
 *
 * @returns undefined if the bytes are not ASCII, or too long to be worth remembering.
 */
export function internedAscii(bytes: Buffer, start: number, end: number): string | undefined {
  const length = end - start;
  if (length === 0) return '';
  if (length > LENGTH_MAX) return undefined;
  const slot = slotOf(bytes, end, length);
  const known = table[slot];
  if (known !== undefined && known.length === length && matches(known, bytes, start)) return known;
  for (let at = start; at < end; at++) if ((bytes[at] ?? 0) > 0x7f) return undefined;
  return (table[slot] = readLatin1(bytes, start, end));
}

/** Names mostly differ at their end and in their length. */
function slotOf(bytes: Buffer, end: number, length: number): number {
  let hash = length;
  for (let at = Math.max(end - 8, end - length); at < end; at++) {
    hash = (hash * 31 + (bytes[at] ?? 0)) | 0;
  }
  return (hash ^ (hash >>> 12)) & (SLOTS - 1);
}

function matches(known: string, bytes: Buffer, start: number): boolean {
  for (let i = 0; i < known.length; i++) {
    if (known.charCodeAt(i) !== bytes[start + i]) return false;
  }
  return true;
}
