import { chown, mkdir } from 'node:fs/promises';
import { ManagedProcess } from './managed-process.ts';

/** The number of user and group `nobody` on every Linux; they own nothing. */
const NOBODY = 65534;

const IS_ROOT = process.getuid?.() === 0;

/**
 * Runs a program that refuses to run as root, whoever runs this process. It is killed with this
 * process however that ends: such programs do not look at their input.
 */
export function runUnprivileged(program: string, args: readonly string[]): ManagedProcess {
  const user = IS_ROOT ? [`--reuid=${NOBODY}`, `--regid=${NOBODY}`, '--clear-groups'] : [];
  // Where this process works may be closed to others.
  const options = { cwd: '/' };
  return new ManagedProcess('setpriv', ['--pdeathsig=KILL', ...user, program, ...args], options);
}

/** Makes a directory, with its parents, that such a program may write to. */
export async function unprivilegedDirectory(path: string): Promise<void> {
  await mkdir(path, { recursive: true });
  if (IS_ROOT) await chown(path, NOBODY, NOBODY);
}
