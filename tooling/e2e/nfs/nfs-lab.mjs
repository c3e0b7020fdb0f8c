/**
 * Two store processes on a real NFSv4.2 server, each on a client machine of its own: takeover after
 * `kill -9`, after a cut link, and what the cut-off owner does when its link comes back.
 *
 *   node tooling/e2e/nfs/nfs-lab.mjs [mount options]
 *
 * The whole laboratory is one user-mode Linux kernel, which needs no rights on this machine's own: server
 * and clients are network namespaces inside it. Debian packages: user-mode-linux, nfs-kernel-server,
 * nfs-common, e2fsprogs, iproute2, kmod. Takes about two minutes; not part of `npm test`.
 */
import { execFileSync, spawn } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const UML = '/usr/bin/linux.uml';
const MODULES = '/usr/lib/uml/modules';
const DISK_MIB = 512;
const MEMORY_MIB = 1024;

const [mountOptions = 'vers=4.2,soft,timeo=20,retrans=2,lookupcache=none'] = process.argv.slice(2);

for (const needed of [UML, MODULES, '/usr/sbin/rpc.nfsd', '/usr/sbin/mke2fs', '/usr/sbin/ip']) {
  if (!existsSync(needed)) {
    console.error(
      `Missing ${needed}; apt-get install user-mode-linux nfs-kernel-server nfs-common e2fsprogs iproute2 kmod`,
    );
    process.exit(2);
  }
}

const here = fileURLToPath(new URL('.', import.meta.url));
const root = fileURLToPath(new URL('../../..', import.meta.url));
execFileSync('npx', ['tsc', '-b', 'packages/store-fs-lock'], { cwd: root, stdio: 'inherit' });

const work = mkdtempSync(join(tmpdir(), 'baton-nfs-'));
try {
  const disk = join(work, 'disk.img');
  execFileSync('/usr/sbin/mke2fs', ['-q', '-t', 'ext4', disk, `${DISK_MIB}M`]);
  linkModules(join(work, 'modules'));
  writeFileSync(
    join(work, 'lab.env'),
    `LAB=${work}\nHERE=${here}\nNODE=${process.execPath}\nMOUNT_OPTIONS=${mountOptions}\n`,
  );
  await boot(disk);
} finally {
  rmSync(work, { recursive: true, force: true });
}

/** `modprobe -d` wants the modules under lib/modules. */
function linkModules(into) {
  mkdirSync(join(into, 'lib', 'modules'), { recursive: true });
  for (const version of readdirSync(MODULES)) {
    symlinkSync(join(MODULES, version), join(into, 'lib', 'modules', version));
  }
}

function boot(disk) {
  const kernel = spawn(
    UML,
    [
      `mem=${MEMORY_MIB}M`,
      'root=none',
      'rootfstype=hostfs',
      'hostfs=/',
      'rootflags=/',
      'ro',
      'quiet',
      `ubda=${disk}`,
      `lab=${work}`,
      `init=${join(here, 'lab-init.sh')}`,
      'con=null',
      'con0=null,fd:1',
      'con1=null',
    ],
    { stdio: ['ignore', 'inherit', 'inherit'] },
  );
  return new Promise((resolve) => kernel.on('exit', resolve));
}
