import { mkdir, readdir, symlink, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import {
  freePort,
  ManagedProcess,
  startBatonMq,
  startPostgres,
  temporaryDirectory,
} from '@batonmq/services';

const ROOT = fileURLToPath(new URL('../../..', import.meta.url));
const PROGRAM = join(ROOT, 'apps/broker-server/bin/batonmq.js');

interface Ending {
  readonly code: number | undefined;
  readonly output: string;
}

async function endOf(
  command: string,
  args: readonly string[],
  options: { readonly cwd?: string } = {},
): Promise<Ending> {
  await using child = new ManagedProcess(command, args, options);
  const { code } = await child.exited;
  return { code, output: child.output };
}

/** What looks for a driver, and where it looks: links would lead back to where all of them are. */
const PACKED = ['apps/broker-server', 'packages/store-jdbc-lock'];

/** A project in `directory` with the packed program and no driver of any database. */
async function projectWithoutDrivers(directory: string): Promise<string> {
  const scope = join(directory, 'node_modules/@batonmq');
  for (const member of PACKED) {
    const packed = join(ROOT, member);
    const own = join(scope, basename(member));
    await mkdir(own, { recursive: true });
    const pack = await endOf('pnpm', ['pack', '--out', join(own, 'it.tgz')], { cwd: packed });
    expect(pack.code, pack.output).toBe(0);
    await endOf('tar', ['-xzf', 'it.tgz', '--strip-components', '1'], { cwd: own });
  }
  for (const member of PACKED) await linkAll(join(ROOT, member, 'node_modules/@batonmq'), scope);
  for (const name of ['commander', 'yaml', 'zod']) {
    await linkInto(join(directory, 'node_modules'), join(ROOT, 'apps/broker-server'), name);
  }
  await linkInto(join(directory, 'node_modules'), join(ROOT, 'packages/store-jdbc-lock'), 'knex');
  return join(scope, 'broker-server/bin/batonmq.js');
}

async function linkAll(from: string, to: string): Promise<void> {
  const there = await readdir(to);
  for (const name of await readdir(from)) {
    if (!there.includes(name)) await symlink(join(from, name), join(to, name));
  }
}

async function linkInto(modules: string, member: string, name: string): Promise<void> {
  await symlink(join(member, 'node_modules', name), join(modules, name));
}

test('a driver that is not installed is named with the command for it, before anything starts', async () => {
  await using directory = await temporaryDirectory();
  const program = await projectWithoutDrivers(directory.path);
  const port = await freePort();
  const args = ['start', '--admin', 'off', '--listen', 'tcp://127.0.0.1:0', '--log', 'json'];
  const start = (store: string): Promise<Ending> =>
    endOf(process.execPath, [program, ...args, '--store', store], { cwd: directory.path });
  for (const [store, driver] of [
    [`postgres://mq@127.0.0.1:${port}/mq`, 'pg'],
    [`mariadb://mq@127.0.0.1:${port}/mq`, 'mysql2'],
    [`oracle://mq@127.0.0.1:${port}/mq`, 'oracledb'],
    ['sqlite:messages.db', 'better-sqlite3'],
  ] as const) {
    const { code, output } = await start(store);
    expect(output).toMatch(new RegExp(`npm install ${driver} \\(BATON_INVALID_OPTION\\)$`));
    expect(output, 'no role, no listener').not.toContain('\n');
    expect(code).toBe(2);
  }
  expect(await readdir(directory.path)).toEqual(['node_modules']);

  await linkInto(
    join(directory.path, 'node_modules'),
    join(ROOT, 'packages/store-jdbc-lock'),
    'pg',
  );
  const store = `postgres://mq@127.0.0.1:${port}/mq`;
  await using broker = new ManagedProcess(process.execPath, [program, ...args, '--store', store]);
  await broker.line(/the database cannot be reached/);
}, 120_000);

test('store inspect looks into a database and makes none; store verify leaves it to the database', async () => {
  await using directory = await temporaryDirectory();
  const store = `sqlite:${join(directory.path, 'messages.db')}`;
  const batonmq = (...args: string[]): Promise<Ending> =>
    endOf(process.execPath, [PROGRAM, ...args]);
  expect((await batonmq('store', 'inspect', store)).output).toBe(`${store} holds no store`);
  expect(await readdir(directory.path)).toEqual([]);

  const broker = await startBatonMq({ name: 'a', store });
  await broker.becomes('active');
  await batonmq('produce', '--count', '7', '--size', '100', '--url', broker.uri);
  await broker.stop();
  const inspected = await batonmq('store', 'inspect', store);
  expect(inspected.output).toMatch(/epoch 1\n {2}stored +7 messages, .*\n {2}taken up +\d/);
  expect(await batonmq('store', 'verify', store)).toMatchObject({ code: 2 });
});

describe('the password of a database', () => {
  const SECRET = 's3cr%t:/?#@';
  const IN_URI = encodeURIComponent(SECRET);

  test('is nowhere in what the program prints, logs, answers or refuses', async () => {
    await using directory = await temporaryDirectory();
    await using server = await startPostgres({ directory: join(directory.path, 'pg') });
    const store = server.uri.replace('mq@', `mq:${IN_URI}@`);
    const [listen, admin] = [`tcp://127.0.0.1:${await freePort()}`, await freePort()];
    const file = join(directory.path, 'broker.yaml');
    await writeFile(file, `store:\n  uri: ${server.uri}\n  password: '${SECRET}'\n`);
    const seen: string[] = [];
    const run = async (...args: string[]): Promise<Ending> => {
      const ending = await endOf(process.execPath, [PROGRAM, ...args]);
      seen.push(ending.output);
      return ending;
    };
    const printed = await run('start', '--config', file, '--print-config');
    expect(printed.output).toContain(`uri: "${server.uri.replace('postgres:', 'postgresql:')}"`);
    expect(printed.output).toContain('# password is set and not shown');
    expect((await run('store', 'inspect', store)).output).toMatch(/epoch none/);

    const places = ['--listen', listen, '--admin', `127.0.0.1:${admin}`];
    await using broker = new ManagedProcess(process.execPath, [
      ...[PROGRAM, 'start', '--name', 'a', '--log', 'pretty', '--log-level', 'debug', ...places],
      ...['--store', store],
    ]);
    await broker.line(/role: active/);
    const status = (): Promise<Ending> => run('status', '--json', '--admin', `127.0.0.1:${admin}`);
    expect((await status()).output).toContain('"messageCount": 0');
    await server.kill();
    const { output, code } = await status();
    expect(output).toContain('"problem":');
    expect(code, 'the status is told while the database is away').toBe(0);
    for (const wrong of [`postgress://mq:${IN_URI}@h/d`, `postgres://mq:${SECRET}@h/d`]) {
      expect((await run('start', '--store', wrong)).code).toBe(2);
      expect((await run('store', 'verify', wrong)).code).not.toBe(0);
    }
    seen.push(broker.output);
    for (const text of seen) {
      expect(text).not.toContain(SECRET);
      expect(text).not.toContain(IN_URI);
      expect(text).not.toContain('s3cr');
    }
  }, 120_000);
});
