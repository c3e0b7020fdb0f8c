import { readFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import type { ManagedProcess, ProcessExit } from './managed-process.ts';

/** Between two looks whether a killed process is gone. */
const LOOK_INTERVAL_MS = 5;
/** A process that the kernel holds longer than this after SIGKILL waits for a broken device. */
const GONE_WITHIN_MS = 10_000;

/** Kills a process and its children at one stroke; resolves when all of them are gone. */
export async function killWithChildren(parent: ManagedProcess): Promise<ProcessExit> {
  // Stopped, it makes no child that would be missed.
  parent.signal('SIGSTOP');
  const children = parent.pid === undefined ? [] : await childrenOf(parent.pid);
  parent.signal('SIGKILL');
  for (const child of children) killIfThere(child);
  await Promise.all(children.map(gone));
  return parent.exited;
}

async function childrenOf(pid: number): Promise<number[]> {
  const text = await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8').catch(() => '');
  return text.split(' ').filter(Boolean).map(Number);
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
