import { expect, test } from 'vitest';
import { JOURNAL_DEFAULTS, resolveJournalOptions, type JournalOptions } from './options.ts';

test('nothing given means the defaults', () => {
  expect(resolveJournalOptions()).toEqual(JOURNAL_DEFAULTS);
});

test('all problems are named at once', () => {
  const options = { segmentBytes: 1, checkpointBytes: 0.5, speed: 3 } as JournalOptions;
  expect(() => resolveJournalOptions(options)).toThrow(
    /segmentBytes is 1;.*checkpointBytes is 0.5;.*speed is not an option/,
  );
});

test('a reserve that is not given fits small segments; one that does not fit is refused', () => {
  const segmentBytes = 64 * 1024;
  expect(resolveJournalOptions({ segmentBytes }).reserveBytes).toBe(16 * 1024);
  expect(() => resolveJournalOptions({ segmentBytes, reserveBytes: 48 * 1024 })).toThrow(
    'more than half',
  );
});
