import { chown, mkdir } from 'node:fs/promises';
import type { ManagedProcessOptions, ProcessUser } from './managed-process.ts';

/** Exists on every Linux under these numbers, and owns nothing. */
const NOBODY: ProcessUser = { uid: 65534, gid: 65534 };

/** For a program that refuses to run as root, wherever this process runs and whoever it is. */
export function unprivileged(): ManagedProcessOptions {
  return { cwd: '/', user: process.getuid?.() === 0 ? NOBODY : undefined };
}

/** Makes a directory, with its parents, that such a program may write to. */
export async function unprivilegedDirectory(path: string): Promise<void> {
  await mkdir(path, { recursive: true });
  const { user } = unprivileged();
  if (user !== undefined) await chown(path, user.uid, user.gid);
}
