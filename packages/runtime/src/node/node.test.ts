import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { jsonLogger, nodeClock, nodeFiles, nodeRandom } from './index.ts';

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'batonmq-runtime-'));
});
afterEach(() => rm(directory, { recursive: true }));

describe('files', () => {
  const files = nodeFiles();

  test('what is written at a position is read back there, both ways of each', async () => {
    const file = await files.open(join(directory, 'a'), 'create');
    file.writeSync(Buffer.from('hello'), 3);
    await file.write(Buffer.from('HE'), 3);
    await file.datasync();
    file.datasyncSync();
    const into = Buffer.alloc(16, '.');
    expect(await file.read(into, 0)).toBe(8);
    expect(into.toString('latin1')).toBe('\0\0\0HEllo........');
    expect(file.readSync(into, 3)).toBe(5);
    expect(file.statusSync()).toEqual(await file.status());
    await file.truncate(4);
    expect((await file.status()).sizeBytes).toBe(4);
    await file.close();
    await file.close();
  });

  test('each mode opens what it says and nothing else', async () => {
    const path = join(directory, 'b');
    await expect(files.open(path, 'read')).rejects.toMatchObject({ code: 'ENOENT' });
    expect(() => files.openSync(path, 'read-write')).toThrow(
      expect.objectContaining({ code: 'ENOENT' }),
    );
    await (await files.open(path, 'open-or-create')).close();
    await expect(files.open(path, 'create')).rejects.toMatchObject({ code: 'EEXIST' });
    const reader = await files.open(path, 'read');
    expect(() => {
      reader.writeSync(Buffer.from('x'), 0);
    }).toThrow(expect.objectContaining({ code: 'EBADF' }));
    await reader.close();
  });

  test('a file keeps its identity when it is renamed over another', async () => {
    const [from, to] = [join(directory, 'from'), join(directory, 'to')];
    for (const path of [from, to]) await (await files.open(path, 'create')).close();
    const before = files.statusSync(from);
    await files.rename(from, to);
    await files.syncDirectory(directory);
    expect((await files.status(to))?.identity).toBe(before?.identity);
    expect(await files.status(from)).toBeUndefined();
    expect(files.statusSync(from)).toBeUndefined();
  });

  test('directories are made with their parents, listed in order and removed whole', async () => {
    const deep = join(directory, 'x', 'y');
    await files.makeDirectory(deep);
    await files.makeDirectory(deep);
    for (const name of ['b', 'a']) await (await files.open(join(deep, name), 'create')).close();
    expect(await files.list(deep)).toEqual(['a', 'b']);
    expect((await files.status(deep))?.isDirectory).toBe(true);
    await files.remove(join(directory, 'x'));
    await files.remove(join(directory, 'x'));
    expect(await files.list(directory)).toEqual([]);
    expect(await files.freeBytes(directory)).toBeGreaterThan(0);
  });

  test('writes reach the file that others open', async () => {
    const path = join(directory, 'c');
    const file = files.openSync(path, 'create');
    file.writeSync(Buffer.from('seen'), 0);
    expect(await readFile(path, 'utf8')).toBe('seen');
    await file.close();
  });
});

test('the clock goes forward, and a cancelled timer never fires', async () => {
  const clock = nodeClock();
  const start = clock.now();
  const fired: string[] = [];
  const cancel = clock.setTimer(0, () => fired.push('cancelled'));
  cancel();
  // A timer of the clock does not hold the process, so something else must while the test waits.
  const holdOpen = setInterval(() => undefined, 1_000);
  await new Promise<void>((resolve) => {
    clock.setTimer(1, resolve);
  });
  clearInterval(holdOpen);
  await new Promise<void>((resolve) => {
    clock.setImmediate(resolve);
  });
  expect(fired).toEqual([]);
  expect(clock.now()).toBeGreaterThan(start);
});

test('random values have the shape that was asked for', () => {
  const random = nodeRandom();
  expect(random.bytes(7)).toHaveLength(7);
  expect(random.uuid()).toMatch(/^[\da-f]{8}-[\da-f]{4}-4[\da-f]{3}-[89ab][\da-f]{3}-[\da-f]{12}$/);
  expect(random.float()).toBeLessThan(1);
});

describe('the JSON logger', () => {
  test('writes one object a line, with inherited fields, errors and big integers in words', () => {
    const lines: string[] = [];
    const logger = jsonLogger({ write: (line) => lines.push(line), wallTime: () => 0 });
    const cause = Object.assign(new Error('disk'), { code: 'EIO' });
    logger.child({ epoch: 3 }).log('error', 'lost', { error: cause, big: 2n ** 60n });
    logger.log('debug', 'too quiet');
    expect(lines).toHaveLength(1);
    expect(JSON.parse(lines[0] ?? '')).toMatchObject({
      time: '1970-01-01T00:00:00.000Z',
      level: 'error',
      message: 'lost',
      epoch: 3,
      big: '1152921504606846976',
      error: { message: 'disk', code: 'EIO' },
    });
  });

  test('does not throw on fields that have no JSON form', () => {
    const lines: string[] = [];
    const loop: Record<string, unknown> = {};
    loop['self'] = loop;
    jsonLogger({ write: (line) => lines.push(line) }).log('info', 'round', loop);
    expect(lines[0]).toContain('"message":"round"');
  });
});
