/**
 * Finds out from Linux's table of mounts what kind of file system a directory is on. Elsewhere, and
 * if the table cannot be read, nothing is known.
 */
import type { Files } from '@batonmq/runtime';
import { isAbsolute, relative } from 'node:path';

export interface Mount {
  readonly mountPoint: string;
  /** Device number as `stat` gives it. */
  readonly device: number;
  /** `ext4`, `nfs4`, `cifs`, `fuse.sshfs`, … */
  readonly type: string;
  /** Options of the file system: `vers=4.2`, `lookupcache=none`, … */
  readonly options: readonly string[];
}

const MOUNT_TABLE = '/proc/self/mountinfo';
const MOUNT_TABLE_BYTES_MAX = 1 << 20;

/** NFS options with which looking a name up asks the server. */
const NAMES_ARE_FRESH: ReadonlySet<string> = new Set(['lookupcache=none', 'noac', 'acdirmax=0']);

/** The mount that holds `directory`, which must exist. */
export async function mountOf(files: Files, directory: string): Promise<Mount | undefined> {
  const status = await files.status(directory);
  if (!status) return undefined;
  let table: string;
  try {
    const file = await files.open(MOUNT_TABLE, 'read');
    try {
      const bytes = new Uint8Array(MOUNT_TABLE_BYTES_MAX);
      table = Buffer.from(bytes.subarray(0, await file.read(bytes, 0))).toString('utf8');
    } finally {
      await file.close();
    }
  } catch {
    return undefined;
  }
  return findMount(parseMountTable(table), directory, Number(status.identity.split(':')[0]));
}

/** Lines of proc(5) `mountinfo`: `36 35 98:0 / /mnt rw,noatime shared:1 - ext4 /dev/sda rw`. */
export function parseMountTable(table: string): readonly Mount[] {
  return table.split('\n').flatMap((line) => {
    const [before, after] = line.split(' - ');
    const [, , device, , mountPoint] = before?.split(' ') ?? [];
    const [type, , options] = after?.split(' ') ?? [];
    if (device === undefined || mountPoint === undefined || type === undefined) return [];
    return [
      {
        mountPoint: unescape(mountPoint),
        device: deviceNumber(device),
        type,
        options: options?.split(',') ?? [],
      },
    ];
  });
}

/**
 * By device, which sees through symbolic links; some file systems (btrfs) show another device in the
 * table than in `stat`, so else by the longest mount point above the path. Of several the last, which covers the others.
 */
export function findMount(
  mounts: readonly Mount[],
  directory: string,
  device: number,
): Mount | undefined {
  const byDevice = mounts.findLast((mount) => mount.device === device);
  if (byDevice) return byDevice;
  let best: Mount | undefined;
  for (const mount of mounts) {
    const path = relative(mount.mountPoint, directory);
    const isInside = !path.startsWith('..') && !isAbsolute(path);
    if (isInside && mount.mountPoint.length >= (best?.mountPoint.length ?? 0)) best = mount;
  }
  return best;
}

/** What makes a mount unsafe for a store, in words; `undefined` if nothing is known to. */
export function mountProblem(mount: Mount): string | undefined {
  const { type, options, mountPoint } = mount;
  if (type === 'ocfs2')
    return `${mountPoint} is OCFS2, which has no cluster-wide locks of this kind`;
  if (type !== 'nfs' && type !== 'nfs4') return undefined;
  if (options.some((option) => /^vers=[23]/.test(option))) {
    return `${mountPoint} is NFS before version 4, which never frees the lock of a machine that died`;
  }
  if (/^local_lock=(all|posix)$/m.test(options.join('\n'))) {
    return `${mountPoint} is mounted with local_lock: other machines do not see its locks`;
  }
  if (!options.some((option) => NAMES_ARE_FRESH.has(option))) {
    return `${mountPoint} is NFS with cached names, so an owner may not notice for a minute that another took over; mount it with lookupcache=none`;
  }
  return undefined;
}

/** The table writes blanks and backslashes in octal. */
function unescape(path: string): string {
  return path.replace(/\\([0-7]{3})/g, (_, octal: string) =>
    String.fromCharCode(Number.parseInt(octal, 8)),
  );
}

/** `major:minor` in the encoding of Linux's `st_dev`. */
function deviceNumber(text: string): number {
  const [major = 0, minor = 0] = text.split(':').map(Number);
  return (minor & 0xff) + (major & 0xfff) * 2 ** 8 + (minor >>> 8) * 2 ** 20;
}
