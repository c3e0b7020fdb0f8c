import { createHash } from 'node:crypto';

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
