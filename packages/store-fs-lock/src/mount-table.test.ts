import { describe, expect, test } from 'vitest';
import { findMount, mountProblem, parseMountTable } from './mount-table.ts';

// Lines as in proc(5), with a blank in a path and one mount on top of another.
const TABLE = `22 1 254:0 / / rw,relatime - ext4 /dev/vda rw
40 22 0:52 / /mnt/mq rw,relatime shared:1 - nfs4 10.0.0.1:/ rw,vers=4.2,lookupcache=none
41 22 0:53 / /mnt/old rw - nfs 10.0.0.1:/ rw,vers=3,local_lock=none
42 22 0:54 / /mnt/two\\040words rw - fuse.sshfs host:/ rw
43 40 8:1 / /mnt/mq rw - xfs /dev/sda1 rw
`;
const MOUNTS = parseMountTable(TABLE);
const UNKNOWN_DEVICE = -1;

describe('the table of mounts', () => {
  test('finds a mount by its device, whatever the path is called', () => {
    expect(findMount(MOUNTS, '/a/symbolic/link', 52)?.type).toBe('nfs4');
    expect(findMount(MOUNTS, '/', 254 * 256)?.mountPoint).toBe('/');
  });

  test('finds the innermost mount by path where the device says nothing', () => {
    expect(findMount(MOUNTS, '/mnt/two words/x', UNKNOWN_DEVICE)?.type).toBe('fuse.sshfs');
    expect(findMount(MOUNTS, '/mnt/mqueue', UNKNOWN_DEVICE)?.type).toBe('ext4');
  });

  test('a mount on top of another hides it', () => {
    expect(findMount(MOUNTS, '/mnt/mq/store', UNKNOWN_DEVICE)?.type).toBe('xfs');
  });

  test('knows what makes a mount unsafe', () => {
    const problem = (type: string, options: string): string | undefined =>
      mountProblem({ mountPoint: '/m', device: 1, type, options: options.split(',') });
    expect(problem('nfs4', 'rw,vers=4.2')).toContain('lookupcache=none');
    expect(problem('nfs4', 'rw,vers=4.2,lookupcache=none')).toBeUndefined();
    expect(problem('nfs4', 'rw,vers=4.1,acdirmin=0,acdirmax=0')).toBeUndefined();
    expect(problem('nfs', 'rw,vers=3,lookupcache=none')).toContain('before version 4');
    expect(problem('nfs4', 'lookupcache=none,local_lock=all')).toContain('local_lock');
    expect(problem('ocfs2', 'rw')).toContain('OCFS2');
    expect(problem('ext4', 'rw')).toBeUndefined();
  });
});
