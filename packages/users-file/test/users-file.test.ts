import { mkdtemp, rename, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Principal } from '@batonmq/broker-core';
import type { Logger, LogFields } from '@batonmq/runtime';
import { nodeRuntime } from '@batonmq/runtime/node';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import {
  formatUser,
  hashPassword,
  openUsersFile,
  resolveUsersFileOptions,
  withUser,
  type User,
  type UsersFile,
  type UsersFileOptions,
} from '../src/index.ts';

const CHEAP = { logN: 10, r: 8, p: 1 };
const CERTIFICATE = 'CN=orders: new,OU=a,O=Example';

let directory: string;
let path: string;
let logged: { message: string; fields: LogFields | undefined }[];
const logger: Logger = {
  log: (_, message, fields) => void logged.push({ message, fields }),
  child: () => logger,
};
const components = { ...nodeRuntime(), logger };

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'batonmq-users-'));
  path = join(directory, 'users');
  logged = [];
});
afterEach(() => rm(directory, { recursive: true }));

async function user(name: string, password: string, groups: string[] = []): Promise<User> {
  const hash = await hashPassword(password, components.random, CHEAP);
  return { name, password: hash, groups, certificateSubject: undefined };
}

async function opened(users: User[], options: UsersFileOptions = {}): Promise<UsersFile> {
  await writeFile(path, ['# users', '', ...users.map(formatUser), ''].join('\n'));
  return openUsersFile(path, components, { checkIntervalMs: 0, ...options });
}

function logIn(
  file: UsersFile,
  userName?: string,
  password?: string,
  certificateSubject?: string,
  signal = new AbortController().signal,
): Promise<Principal | undefined> {
  const rest = { remoteAddress: 'tcp://10.0.0.1:1', protocol: 'test' };
  return file.authenticate({ userName, password, certificateSubject, ...rest }, { signal });
}

describe('logging in:', () => {
  test('the right password brings the groups of the file, a wrong one nothing', async () => {
    const file = await opened([await user('anna', 'secret', ['shop', 'users'])]);
    expect(await logIn(file, 'anna', 'secret')).toEqual({
      userName: 'anna',
      groups: ['shop', 'users'],
    });
    expect(await logIn(file, 'anna', 'Secret')).toBeUndefined();
    expect(await logIn(file, 'anna')).toBeUndefined();
    expect(await logIn(file, undefined, 'secret')).toBeUndefined();
  });

  test('an unknown user costs as many hashes as a wrong password, each time', async () => {
    const file = await opened([await user('anna', 'secret')]);
    const costs: number[] = [];
    for (const name of ['anna', 'nobody', 'anna', 'nobody', 'constructor']) {
      const before = file.hashCount;
      expect(await logIn(file, name, 'wrong')).toBeUndefined();
      costs.push(file.hashCount - before);
    }
    expect(costs).toEqual([1, 1, 1, 1, 1]);
  });

  test('a user with a certificate only has no password that works, and is not told from others', async () => {
    const file = await opened([
      { name: 'orders', password: undefined, groups: ['w'], certificateSubject: CERTIFICATE },
    ]);
    expect(await logIn(file, 'orders', '-')).toBeUndefined();
    expect(file.hashCount).toBe(1);
  });

  test('a certificate of the file logs in its user, under no other name', async () => {
    const file = await opened([
      await user('anna', 'secret'),
      { name: 'orders', password: undefined, groups: ['w'], certificateSubject: CERTIFICATE },
    ]);
    const orders = { userName: 'orders', groups: ['w'] };
    expect(await logIn(file, undefined, undefined, CERTIFICATE)).toEqual(orders);
    expect(await logIn(file, 'orders', undefined, CERTIFICATE)).toEqual(orders);
    expect(await logIn(file, 'anna', undefined, CERTIFICATE)).toBeUndefined();
    expect(await logIn(file, undefined, undefined, 'CN=orders')).toBeUndefined();
    expect((await logIn(file, 'anna', 'secret', CERTIFICATE))?.userName).toBe('anna');
  });

  test('a password that was right is recognised without a hash until it changes', async () => {
    const file = await opened([await user('anna', 'secret')]);
    await logIn(file, 'anna', 'secret');
    await logIn(file, 'anna', 'secret');
    expect(file.hashCount).toBe(1);
    await writeFile(path, `${formatUser(await user('anna', 'changed'))}\n`);
    expect(await logIn(file, 'anna', 'secret')).toBeUndefined();
    expect(file.hashCount).toBe(2);
  });

  test('no more right passwords are remembered than allowed', async () => {
    const users = await Promise.all(['a', 'b'].map((name) => user(name, name)));
    const file = await opened(users, { verifiedPasswordsMax: 1 });
    for (const name of ['a', 'b', 'b', 'a']) await logIn(file, name, name);
    expect(file.hashCount).toBe(3);
  });

  test('clients that come at once with the same password share one hash', async () => {
    const file = await opened([await user('anna', 'secret')]);
    const logins = Array.from({ length: 50 }, () => logIn(file, 'anna', 'secret'));
    expect((await Promise.all(logins)).every((found) => found?.userName === 'anna')).toBe(true);
    expect(file.hashCount).toBe(1);
  });

  test('a password too long to be one is not hashed', async () => {
    const file = await opened([await user('anna', 'secret')]);
    expect(await logIn(file, 'anna', 'x'.repeat(1025))).toBeUndefined();
    expect(file.hashCount).toBe(0);
  });
});

describe('hashes are bounded:', () => {
  test('logins beyond the queue are refused at once', async () => {
    const file = await opened([], { hashesAtOnceMax: 1, hashesWaitingMax: 2 });
    const logins = ['1', '2', '3', '4'].map((password) => logIn(file, 'anna', password));
    const outcomes = await Promise.allSettled(logins);
    expect(outcomes.map(({ status }) => status)).toEqual([
      'fulfilled',
      'fulfilled',
      'fulfilled',
      'rejected',
    ]);
    expect(outcomes[3]).toMatchObject({ reason: { code: 'BATON_LIMIT' } });
  });

  test('what nobody waits for any more is not computed', async () => {
    const file = await opened([], { hashesAtOnceMax: 1 });
    const first = logIn(file, 'anna', '1');
    const gone = new AbortController();
    const second = logIn(file, 'anna', '2', undefined, gone.signal);
    gone.abort();
    await first;
    await expect(second).rejects.toMatchObject({ code: 'BATON_ABORTED' });
    expect(file.hashCount).toBe(1);
  });
});

describe('the file changes:', () => {
  test('who was added may log in, who was taken out may not', async () => {
    const anna = await user('anna', 'a');
    const file = await opened([anna]);
    const replacement = join(directory, 'new');
    await writeFile(replacement, `${formatUser(await user('bert', 'b'))}\n`);
    await rename(replacement, path);
    expect(await logIn(file, 'anna', 'a')).toBeUndefined();
    expect(await logIn(file, 'bert', 'b')).toBeDefined();
  });

  test('a broken version changes nothing, and the log names its line but not what it holds', async () => {
    const file = await opened([await user('anna', 'a')]);
    await writeFile(path, 'anna:hunter2:users\nx\n');
    expect(await logIn(file, 'anna', 'a')).toBeDefined();
    expect(logged.map(({ message }) => message)).toEqual([
      'the users file cannot be used; its last version stays in force',
    ]);
    const { error } = logged[0]?.fields as { error: Error };
    expect(error.message).toContain('line 1 has a hash that cannot be used; line 2 is not');
    expect(error.message).not.toContain('hunter2');
    await logIn(file, 'anna', 'a');
    expect(logged).toHaveLength(1);
  });

  test('a file that is gone changes nothing, and its return is noticed', async () => {
    const file = await opened([await user('anna', 'a')]);
    await rm(path);
    expect(await logIn(file, 'anna', 'a')).toBeDefined();
    await writeFile(path, `${formatUser(await user('bert', 'b'))}\n`);
    expect(await logIn(file, 'bert', 'b')).toBeDefined();
  });

  test('an unchanged file is not read again', async () => {
    const file = await opened([await user('anna', 'a')]);
    await logIn(file, 'anna', 'a');
    expect(logged).toEqual([]);
    await utimes(path, new Date(), new Date(1e12));
    await logIn(file, 'anna', 'a');
    expect(logged).toHaveLength(1);
  });
});

describe('what cannot be used is refused at the start:', () => {
  test.each([
    ['anna', 'line 1 is not NAME:HASH:GROUPS'],
    ['anna:$2y$10$abc:users', 'line 1 has a hash that cannot be used'],
    ['anna:$scrypt$ln=30,r=8,p=1$c2FsdHNhbHQ$aGFzaGhhc2hoYXNoaGFzaA:u', 'line 1 has a hash'],
    ['a,b:-:users:CN=x', 'line 1 has a name that must not hold'],
    ['anna:-:users', 'line 1 gives no way to log in'],
    ['a:-::CN=x\na:-::CN=y', 'line 2 names a user for the second time'],
    ['a:-::CN=x\nb:-::CN=x', 'line 2 names a certificate for the second time'],
    ['\u00ff', 'The users file'],
  ])('%j', async (text, problem) => {
    await writeFile(path, text, text === '\u00ff' ? 'latin1' : 'utf8');
    await expect(openUsersFile(path, components)).rejects.toThrow(problem);
  });

  test('a file that is not there', async () => {
    await expect(openUsersFile(path, components)).rejects.toMatchObject({
      code: 'BATON_INVALID_OPTION',
    });
  });

  test('options that are wrong, all of them named', () => {
    expect(() =>
      resolveUsersFileOptions({ hashesAtOnceMax: 0, colour: 1 } as UsersFileOptions),
    ).toThrow('"hashesAtOnceMax" must be a whole number from 1 to 16; "colour" is unknown');
  });
});

test('changing a user leaves the rest of the file as it is', async () => {
  const anna = formatUser(await user('anna', 'a', ['x']));
  const text = `# ours\n${anna}\n\nbert:-::CN=b\n`;
  const changed = { name: 'bert', password: undefined, groups: ['y'], certificateSubject: 'CN=c' };
  expect(withUser(text, 'bert', changed)).toBe(`# ours\n${anna}\n\nbert:-:y:CN=c\n`);
  expect(withUser(text, 'anna', undefined)).toBe('# ours\n\nbert:-::CN=b\n');
  expect(withUser(text, 'carl', { ...changed, name: 'carl' })).toBe(`${text}carl:-:y:CN=c\n`);
  expect(withUser('', 'carl', { ...changed, name: 'carl' })).toBe('carl:-:y:CN=c\n');
});
