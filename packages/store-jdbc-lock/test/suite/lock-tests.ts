import { expect, test } from 'vitest';
import type { SuiteContext } from './suite-context.ts';

const LONG_MS = 20_000;
/** Far less than any timeout of a server. */
const SOON_MS = 2_000;

export function lockTests(context: SuiteContext): void {
  test('is held by one session at a time, which may take it again', async () => {
    const [first, second] = await context.twoLocks();
    expect(await first.lock.take(0)).toBe(true);
    expect(await first.lock.take(0)).toBe(true);
    expect(await second.lock.take(0)).toBe(false);
    await first.lock.giveBack();
    expect(await second.lock.take(0)).toBe(true);
    expect(await first.lock.take(0)).toBe(false);
  });

  test('keeps whoever asks for it waiting, and no longer than it was told', async () => {
    const [first, second] = await context.twoLocks();
    expect(await first.lock.take(0)).toBe(true);
    const start = performance.now();
    expect(await second.lock.take(200)).toBe(false);
    expect(performance.now() - start).toBeGreaterThan(150);
    expect(performance.now() - start).toBeLessThan(SOON_MS);
  });

  test('goes to whoever waits when it is given back', async () => {
    const [first, second] = await context.twoLocks();
    expect(await first.lock.take(0)).toBe(true);
    const waiting = second.lock.take(LONG_MS);
    await first.lock.giveBack();
    const start = performance.now();
    expect(await waiting).toBe(true);
    expect(performance.now() - start).toBeLessThan(SOON_MS);
  });

  test('goes to whoever waits when the session of its holder ends', async () => {
    const [first, second] = await context.twoLocks();
    expect(await first.lock.take(0)).toBe(true);
    const waiting = second.lock.take(LONG_MS);
    first.session.destroy();
    const start = performance.now();
    expect(await waiting).toBe(true);
    expect(performance.now() - start).toBeLessThan(SOON_MS);
  });

  test('is not there to be given back by a session that does not hold it', async () => {
    const [first, second] = await context.twoLocks();
    expect(await first.lock.take(0)).toBe(true);
    await second.lock.giveBack();
    expect(await second.lock.take(0)).toBe(false);
  });
}

export function noLockTests(context: SuiteContext): void {
  test('is not there, and nobody relies on one', async () => {
    const session = await context.newSession('lock');
    expect(await context.database.sessionLockOn(session)).toBeUndefined();
  });
}
