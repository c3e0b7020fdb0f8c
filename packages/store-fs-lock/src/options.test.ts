import { describe, expect, test } from 'vitest';
import { leaseTimes, resolveFsLockOptions, type FsLockStoreOptions } from './options.ts';

function problemsOf(options: object): string {
  try {
    resolveFsLockOptions(options as FsLockStoreOptions);
  } catch (error) {
    expect(error).toMatchObject({ code: 'BATON_INVALID_OPTION' });
    return (error as Error).message;
  }
  throw new Error('the options were accepted');
}

describe('options of the shared directory', () => {
  test('only the directory is needed', () => {
    expect(resolveFsLockOptions({ directory: '/data' })).toMatchObject({
      directory: '/data',
      leaseDurationMs: 10_000,
      keepAliveIntervalMs: 1_000,
      pollIntervalMs: 100,
      unsafeMount: 'refuse',
    });
  });

  test('all problems are reported at once', () => {
    const text = problemsOf({
      directory: '',
      leaseDurationMs: 1,
      pollIntervalMs: Number.NaN,
      unsafeMount: 'ignore',
      lockKeepAlivePeriod: 5,
      journal: { segmentBytes: 1 },
    });
    for (const name of [
      'directory',
      'leaseDurationMs',
      'pollIntervalMs',
      'unsafeMount',
      'lockKeepAlivePeriod',
      'segmentBytes',
    ]) {
      expect(text).toContain(name);
    }
  });

  test('a keep-alive that may not be late several times is refused', () => {
    expect(problemsOf({ directory: 'd', keepAliveIntervalMs: 1_112 })).toContain('ninth');
    resolveFsLockOptions({ directory: 'd', keepAliveIntervalMs: 1_111 });
  });

  test('a poll that could sleep through a lease is refused', () => {
    expect(problemsOf({ directory: 'd', pollIntervalMs: 1_001 })).toContain('tenth');
  });

  test('silence and quarantine add up to the lease', () => {
    const { silenceMs, quarantineMs } = leaseTimes(resolveFsLockOptions({ directory: 'd' }));
    expect(silenceMs + quarantineMs).toBeCloseTo(10_000);
    expect(quarantineMs).toBeGreaterThan(3_000);
  });
});
