import { createHash } from 'node:crypto';

/** Hashes that are remembered at most, and the length of the names they are of: together less than 4 MiB. */
const RECENT_MAX = 4096;
const RECENT_LENGTH_MAX = 256;

/** A name as the databases keep it: PostgreSQL has no texts with NUL. */
export function escapeName(name: string): string {
  return name.replace(/[\\\0]/g, (character) => (character === '\0' ? '\\0' : '\\\\'));
}

export function unescapeName(stored: string): string {
  return stored.replace(/\\([0\\])/g, (_, escaped) => (escaped === '0' ? '\0' : '\\'));
}

/** Names are as long as clients like, and keys of an index are not. */
export function hashOf(...names: readonly string[]): string {
  return createHash('sha256').update(JSON.stringify(names)).digest('hex');
}

const recentHashes = new Map<string, string>();

/** {@link hashOf} of a name that comes with each of a producer's messages: it is remembered. */
export function hashOfProducer(producer: string): string {
  const recent = recentHashes.get(producer);
  if (recent !== undefined) return recent;
  const hash = hashOf(producer);
  if (producer.length > RECENT_LENGTH_MAX) return hash;
  if (recentHashes.size >= RECENT_MAX) recentHashes.clear();
  recentHashes.set(producer, hash);
  return hash;
}
