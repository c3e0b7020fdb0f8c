/**
 * `npm start`: installs, builds and runs a broker on the file journal in ./data.
 * What follows `--` goes to `batonmq start`: `npm start -- --listen tcp://127.0.0.1:61617`.
 */
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { prepareWorkspace, ROOT } from './workspace.mjs';

const env = prepareWorkspace();
const program = join(ROOT, 'apps/broker-server/bin/batonmq.js');
const args = [program, 'start', '--log', 'pretty', ...process.argv.slice(2)];
const broker = spawn(process.execPath, args, { env, stdio: 'inherit' });

// The terminal's ^C reaches the broker by itself; it drains, and this process ends after it.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
  process.on(signal, () => {
    if (signal !== 'SIGINT' || !process.stdin.isTTY) broker.kill(signal);
  });
}
broker.on('exit', (code) => {
  process.exitCode = code ?? 1;
});
