/**
 * What `npm run setup`, `npm start` and `npm test` share: from a checkout to a built workspace, with
 * Node and npm alone. Plain JavaScript without dependencies, because it runs before there are any.
 */
import { spawnSync } from 'node:child_process';
import { accessSync, constants, existsSync, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { delimiter, dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

export const ROOT = resolve(dirname(fileURLToPath(import.meta.url)), '../..');

/** The oldest Node that runs BatonMQ: from here on CommonJS users can `require` its ESM. */
const NODE_MIN = [20, 19];

const manifest = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));
const PNPM_VERSION = manifest.packageManager.split('@')[1].split('+')[0];

/** Ends the program with a message for a human: what went wrong, and what to do. */
export function fail(message) {
  console.error(`\n${message}\n`);
  process.exit(1);
}

/** Runs a command in the workspace with its output shown; true if it succeeded. */
export function run(command, args, env = process.env) {
  const { error, status } = spawnSync(command, args, { cwd: ROOT, env, stdio: 'inherit' });
  if (error) console.error(`${command}: ${error.message}`);
  return status === 0;
}

function output(command, args, env) {
  const { status, stdout } = spawnSync(command, args, { cwd: ROOT, env, encoding: 'utf8' });
  return status === 0 ? stdout.trim() : undefined;
}

/** True if `command` is a program on the path. */
export function isInstalled(command) {
  return (process.env.PATH ?? '')
    .split(delimiter)
    .some((folder) => existsSync(join(folder, command)));
}

/** Installs what is missing, builds what has changed, and returns the environment to run tools in. */
export function prepareWorkspace() {
  const [major, minor] = process.versions.node.split('.').map(Number);
  if (major < NODE_MIN[0] || (major === NODE_MIN[0] && minor < NODE_MIN[1])) {
    fail(`BatonMQ needs Node ${NODE_MIN.join('.')} or newer; this is ${process.versions.node}.`);
  }
  const env = withPnpm(toolEnvironment());
  // Up to date is the usual case and takes a second; no network is touched then.
  if (!run('pnpm', ['install', '--frozen-lockfile'], env)) {
    fail('The dependencies could not be installed; the lines above say why.');
  }
  if (!run('pnpm', ['exec', 'tsc', '-b'], env)) {
    fail('The build failed; the lines above say where.');
  }
  return env;
}

function toolEnvironment() {
  const env = { ...process.env, TURBO_TELEMETRY_DISABLED: '1', DO_NOT_TRACK: '1' };
  const prefix = resolve(process.execPath, '../..');
  // Native packages that must compile find Node's headers here instead of downloading them.
  if (existsSync(join(prefix, 'include/node/node.h'))) env.npm_config_nodedir = prefix;
  return env;
}

/** `env` with the pinned pnpm first on its path; installs it if no usable one is there. */
function withPnpm(env) {
  const folder = join(
    env.XDG_CACHE_HOME ?? join(homedir(), '.cache'),
    'batonmq',
    `pnpm-${PNPM_VERSION}`,
  );
  const local = { ...env, PATH: join(folder, 'node_modules/.bin') + delimiter + env.PATH };
  if (hasPnpm(env)) return env;
  if (hasPnpm(local)) return local;

  const isGlobal = isWritable(output('npm', ['root', '-g'], env));
  const target = isGlobal ? ['--global'] : ['--prefix', folder];
  console.log(`Installing pnpm ${PNPM_VERSION} ${isGlobal ? 'for this machine' : `in ${folder}`}`);
  const allowed = ['--allow-scripts=pnpm', '--no-fund', '--no-audit'];
  run('npm', ['install', ...target, ...allowed, `pnpm@${PNPM_VERSION}`], env);
  const ready = isGlobal ? env : local;
  if (!hasPnpm(ready)) {
    fail(`pnpm ${PNPM_VERSION} could not be installed. Install it yourself, then try again:
  npm install --global --allow-scripts=pnpm pnpm@${PNPM_VERSION}`);
  }
  return ready;
}

function hasPnpm(env) {
  return output('pnpm', ['--pm-on-fail=ignore', '--version'], env) === PNPM_VERSION;
}

/** The folder may not exist yet; then its parent decides. */
function isWritable(folder) {
  if (folder === undefined) return false;
  try {
    accessSync(existsSync(folder) ? folder : dirname(folder), constants.W_OK);
    return true;
  } catch {
    return false;
  }
}
