import { readdir, readFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import type { ManagedProcess, ProcessExit } from './managed-process.ts';

/** Between two looks whether a killed process is gone. */
const LOOK_INTERVAL_MS = 5;
/** A process that the kernel holds longer than this after SIGKILL waits for a broken device. */
const GONE_WITHIN_MS = 10_000;

/** Kills a process and all below it at one stroke; resolves when all of them are gone. */
export async function killWithDescendants(ancestor: ManagedProcess): Promise<ProcessExit> {
  // Stopped, it makes no child that would be missed.
  ancestor.signal('SIGSTOP');
  const descendants = ancestor.pid === undefined ? [] : await descendantsOf(ancestor.pid);
  ancestor.signal('SIGKILL');
  for (const pid of descendants) killIfThere(pid);
  await Promise.all(descendants.map(gone));
  return ancestor.exited;
}

async function descendantsOf(pid: number): Promise<number[]> {
  // Each thread has its own list of those that it started.
  const threads = await readdir(`/proc/${pid}/task`).catch(() => []);
  const lists = await Promise.all(
    threads.map((thread) =>
      readFile(`/proc/${pid}/task/${thread}/children`, 'utf8').catch(() => ''),
    ),
  );
  const children = lists.flatMap((list) => list.split(' ').filter(Boolean).map(Number));
  const further = await Promise.all(children.map(descendantsOf));
  return [...children, ...further.flat()];
}

function killIfThere(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It went with its parent.
  }
}

async function gone(pid: number): Promise<void> {
  const deadline = performance.now() + GONE_WITHIN_MS;
  while (await isThere(pid)) {
    if (performance.now() > deadline) throw new Error(`Process ${pid} stays although it is killed`);
    await delay(LOOK_INTERVAL_MS);
  }
}

/** A process that nobody has collected yet holds nothing any more. */
async function isThere(pid: number): Promise<boolean> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => undefined);
  return stat !== undefined && !/\) [ZX] /.test(stat);
}
