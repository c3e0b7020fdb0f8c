import { afterAll, afterEach, beforeAll, describe } from 'vitest';
import { contentTests } from './suite/content-tests.ts';
import { lockTests, noLockTests } from './suite/lock-tests.ts';
import { sessionTests } from './suite/session-tests.ts';
import { SuiteContext, type OpenedDatabase } from './suite/suite-context.ts';
import { writeTests } from './suite/write-tests.ts';

/**
 * What a `Database` promises, as tests of one. `open` gives one that may be filled with tables. A cluster whose nodes
 * have locks of their own has none.
 */
export function databaseSuite(
  name: string,
  open: () => Promise<OpenedDatabase>,
  { hasSessionLock = true } = {},
): void {
  describe(`${name} as a database`, () => {
    const context = new SuiteContext(open);
    beforeAll(() => context.open());
    afterEach(() => {
      context.endSessions();
    });
    afterAll(() => context.close());

    describe('a write', () => {
      writeTests(context);
    });
    describe('what is stored', () => {
      contentTests(context);
    });
    describe('a session', () => {
      sessionTests(context);
    });
    describe('the session lock', () => {
      if (hasSessionLock) lockTests(context);
      else noLockTests(context);
    });
  });
}
