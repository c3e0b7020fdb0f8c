/** Debian's packages of servers start a service when they are installed; the tests want programs alone. */
import { rmSync, writeFileSync } from 'node:fs';

/** Debian asks this program before a package starts a service; 101 forbids it. */
const POLICY = '/usr/sbin/policy-rc.d';
const FORBID_ALL = '#!/bin/sh\nexit 101\n';

/** An interrupt from the terminal waits until the policy is gone again. */
const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'];

/** Calls `install`, in which no package starts a service. A machine with a policy of its own keeps it. */
export function withoutServiceStarts(install) {
  if (!forbidStarts()) return install();
  const wait = () => {};
  for (const signal of SIGNALS) process.on(signal, wait);
  try {
    return install();
  } finally {
    rmSync(POLICY);
    for (const signal of SIGNALS) process.off(signal, wait);
  }
}

function forbidStarts() {
  try {
    writeFileSync(POLICY, FORBID_ALL, { flag: 'wx', mode: 0o755 });
    return true;
  } catch (error) {
    if (error.code === 'EEXIST') return false;
    throw error;
  }
}
