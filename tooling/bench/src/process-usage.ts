import { execFileSync } from 'node:child_process';
import { readFileSync, statSync } from 'node:fs';

/** Ticks of /proc per second; what a broker used in a run is exact to one of them. */
const TICKS_PER_SECOND = Number(execFileSync('getconf', ['CLK_TCK'], { encoding: 'utf8' }));

/** What processes, the machine and the disk had used at a moment. */
export interface Usage {
  readonly brokerCpuSeconds: number;
  readonly generatorCpuSeconds: number;
  /** Of all processes and the kernel. */
  readonly machineCpuSeconds: number;
  /** Time of all processors, used or not. */
  readonly machineSeconds: number;
  /** Flushes that the disk of the store has done, for whichever process. */
  readonly diskFlushes: number;
}

export function usageOf(broker: number, generator: number, directory: string): Usage {
  const machine = parseMachineTicks(readFileSync('/proc/stat', 'utf8'));
  return {
    brokerCpuSeconds: cpuSecondsOf(broker),
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
  return parseCpuTicks(readFileSync(`/proc/${pid}/stat`, 'utf8')) / TICKS_PER_SECOND;
}

/** User and system time, from /proc/PID/stat (proc(5), fields 14 and 15). */
export function parseCpuTicks(stat: string): number {
  // The second field is a name that may contain anything; it ends at the last parenthesis.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return Number(fields[11]) + Number(fields[12]);
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
