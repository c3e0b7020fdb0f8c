import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync, statSync } from 'node:fs';

/** Ticks of /proc per second; what a broker used in a run is exact to one of them. */
const TICKS_PER_SECOND = Number(execFileSync('getconf', ['CLK_TCK'], { encoding: 'utf8' }));

/** What processes, the machine and the disk had used at a moment. */
export interface Usage {
  readonly brokerCpuSeconds: number;
  /** 0 without one. */
  readonly databaseCpuSeconds: number;
  readonly generatorCpuSeconds: number;
  /** Of all processes and the kernel. */
  readonly machineCpuSeconds: number;
  /** Time of all processors, used or not. */
  readonly machineSeconds: number;
  /** Flushes that the disk of the store has done, for whichever process. */
  readonly diskFlushes: number;
}

/** Ids of processes, and where the store's files are. */
export interface UsedBy {
  readonly broker: number;
  /** Its processes all descend from this one. */
  readonly database: number | undefined;
  readonly generator: number;
  readonly directory: string;
}

export function usageOf({ broker, database, generator, directory }: UsedBy): Usage {
  const machine = parseMachineTicks(readFileSync('/proc/stat', 'utf8'));
  return {
    brokerCpuSeconds: cpuSecondsOf(broker),
    databaseCpuSeconds: database === undefined ? 0 : familyCpuSecondsOf(database),
    generatorCpuSeconds: cpuSecondsOf(generator),
    machineCpuSeconds: machine.busy / TICKS_PER_SECOND,
    machineSeconds: machine.total / TICKS_PER_SECOND,
    diskFlushes: parseDiskFlushes(readFileSync('/proc/diskstats', 'utf8'), deviceOf(directory)),
  };
}

/** Memory that a process holds now. */
export function residentBytesOf(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]) * 1024;
}

function cpuSecondsOf(pid: number): number {
  return parseCpuTicks(readFileSync(`/proc/${pid}/stat`, 'utf8')).own / TICKS_PER_SECOND;
}

/** With those that descend from it, also the ones that have ended. */
function familyCpuSecondsOf(pid: number): number {
  const stat = readUnlessEnded(`/proc/${pid}/stat`);
  if (stat === undefined) return 0;
  const { own, children } = parseCpuTicks(stat);
  const ended = (own + children) / TICKS_PER_SECOND;
  return childrenOf(pid).reduce((sum, child) => sum + familyCpuSecondsOf(child), ended);
}

/** Those that run. Each thread has its own list of the ones that it started. */
function childrenOf(pid: number): readonly number[] {
  return readdirSync(`/proc/${pid}/task`).flatMap((thread) => {
    const list = readUnlessEnded(`/proc/${pid}/task/${thread}/children`) ?? '';
    return list.split(' ').filter(Boolean).map(Number);
  });
}

/** A process that ends meanwhile counts among its parent's ended children next time. */
function readUnlessEnded(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}

/** User and system time, from /proc/PID/stat (proc(5), fields 14 to 17); `children` are those that have ended. */
export function parseCpuTicks(stat: string): { own: number; children: number } {
  // The second field is a name that may contain anything; it ends at the last parenthesis.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const [user = NaN, system = NaN, childUser = NaN, childSystem = NaN] = fields
    .slice(11, 15)
    .map(Number);
  return { own: user + system, children: childUser + childSystem };
}

/** From the first line of /proc/stat: user nice system idle iowait irq softirq steal. */
export function parseMachineTicks(stat: string): { busy: number; total: number } {
  const ticks = (stat.split('\n')[0] ?? '').trim().split(/\s+/).slice(1, 9).map(Number);
  const total = ticks.reduce((sum, each) => sum + each, 0);
  return { busy: total - (ticks[3] ?? 0) - (ticks[4] ?? 0), total };
}

/** Finished flush requests of a device, from /proc/diskstats; 0 if the kernel does not count them. */
export function parseDiskFlushes(diskstats: string, device: string): number {
  for (const line of diskstats.split('\n')) {
    const fields = line.trim().split(/\s+/);
    if (`${fields[0] ?? ''}:${fields[1] ?? ''}` === device) return Number(fields[18] ?? 0);
  }
  return 0;
}

/** `major:minor` of the device below a directory, as Linux packs it into a number. */
function deviceOf(directory: string): string {
  const { dev } = statSync(directory);
  return `${(dev >> 8) & 0xfff}:${dev & 0xff}`;
}
