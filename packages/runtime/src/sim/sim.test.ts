import { describe, expect, test } from 'vitest';
import { SECTOR_BYTES, simRandom, simRuntime, SimClock } from './index.ts';

describe('the clock', () => {
  test('fires timers in the order of their times, and of their setting', async () => {
    const clock = new SimClock();
    const fired: string[] = [];
    clock.setTimer(5, () => fired.push('b'));
    clock.setTimer(5, () => fired.push('c'));
    clock.setTimer(1, () => fired.push('a'));
    clock.setTimer(2, () => fired.push('cancelled'))();
    clock.setImmediate(() => fired.push('first'));
    await clock.runUntilIdle();
    expect(fired).toEqual(['first', 'a', 'b', 'c']);
    expect(clock.now()).toBe(5);
  });

  test('says so when a promise waits for nothing', async () => {
    await expect(new SimClock().run(new Promise(() => undefined))).rejects.toThrow('at rest');
  });
});

test('the generator repeats itself for a seed and differs between seeds', () => {
  const draw = (seed: number): number[] => {
    const random = simRandom(seed);
    return Array.from({ length: 5 }, () => random.float());
  };
  expect(draw(7)).toEqual(draw(7));
  expect(draw(7)).not.toEqual(draw(8));
});

describe('the disk', () => {
  async function written(seed = 1) {
    const { clock, files } = simRuntime(seed);
    await clock.run(files.makeDirectory('/d'));
    const file = files.openSync('/d/a', 'create');
    await clock.run(files.syncDirectory('/d'));
    const write = (text: string, sector: number): void => {
      file.writeSync(Buffer.alloc(SECTOR_BYTES, text), sector * SECTOR_BYTES);
    };
    const read = (): string => {
      const bytes = files.contents('/d/a');
      const seen: string[] = [];
      for (let at = 0; at < bytes.length; at += SECTOR_BYTES) {
        seen.push(bytes[at] === 0 ? '.' : String.fromCharCode(bytes[at] ?? 0));
      }
      return seen.join('');
    };
    return { clock, files, file, write, read };
  }

  test('keeps what was synced and nothing else when the power goes', async () => {
    const { clock, files, file, write, read } = await written();
    write('a', 0);
    await clock.run(file.datasync());
    write('b', 0);
    write('c', 1);
    expect(read()).toBe('bc');
    files.losePower(0);
    expect(read()).toBe('a');
  });

  test('lets later sectors survive without earlier ones', async () => {
    const seen = new Set<string>();
    for (let seed = 1; seed <= 64; seed += 1) {
      const { clock, files, file, write, read } = await written(seed);
      file.writeSync(Buffer.alloc(2 * SECTOR_BYTES), 0);
      await clock.run(file.datasync());
      write('a', 0);
      write('b', 1);
      files.losePower(0.5);
      seen.add(read());
    }
    expect([...seen].sort()).toEqual(['..', '.b', 'a.', 'ab']);
  });

  test('does not make durable what is written after a sync was called', async () => {
    const { clock, files, file, write, read } = await written();
    write('a', 0);
    const sync = file.datasync();
    write('b', 1);
    await clock.run(sync);
    files.losePower(0);
    expect(read()).toMatch(/^a\.?$/);
  });

  test('drops the sectors of a failed sync, and succeeds without them the next time', async () => {
    const { clock, files, file, write, read } = await written();
    write('a', 0);
    files.inject = ({ kind }) => (kind === 'sync' ? 'EIO' : undefined);
    await expect(clock.run(file.datasync())).rejects.toMatchObject({ code: 'EIO' });
    files.inject = () => undefined;
    expect(read()).toBe('a');
    await clock.run(file.datasync());
    files.losePower(1);
    expect(read()).not.toContain('a');
  });

  test('forgets names until their directory is synced', async () => {
    const { clock, files } = await written();
    files.openSync('/d/new', 'create');
    await clock.run(files.rename('/d/a', '/d/moved'));
    files.losePower(0);
    expect(await clock.run(files.list('/d'))).toEqual(['a']);
    await clock.run(files.rename('/d/a', '/d/moved'));
    await clock.run(files.syncDirectory('/d'));
    files.losePower(0);
    expect(await clock.run(files.list('/d'))).toEqual(['moved']);
  });

  test('has no more room than its capacity, and takes the part that fits', async () => {
    const { files, write, read } = await written();
    files.capacityBytes = 2 * SECTOR_BYTES;
    write('a', 0);
    expect(() => {
      write('bb', 1);
      write('c', 2);
    }).toThrow(expect.objectContaining({ code: 'ENOSPC' }));
    expect(read()).toBe('ab');
    write('z', 0);
    expect(read()).toBe('zb');
  });

  test('is gone for the process that crashed on it, with a write cut at a sector', async () => {
    const { files, file, read } = await written(3);
    files.inject = ({ kind }) => (kind === 'write' ? 'crash' : undefined);
    expect(() => {
      file.writeSync(Buffer.alloc(8 * SECTOR_BYTES, 'x'), 0);
    }).toThrow(expect.objectContaining({ code: 'EIO' }));
    expect(files.isDown).toBe(true);
    files.inject = () => undefined;
    files.restart();
    expect(read().length).toBeLessThan(8);
    expect(() => file.readSync(Buffer.alloc(1), 0)).toThrow('dead process');
  });
});
