import { expect, test } from 'vitest';
import { loadDriver } from './driver.ts';

function missing(name: string): Error {
  return Object.assign(new Error(`Cannot find package '${name}' imported from /app/index.js`), {
    code: 'ERR_MODULE_NOT_FOUND',
  });
}

test('a driver that is not installed is an error with the command that installs it', async () => {
  const loading = loadDriver('better-sqlite3', () => Promise.reject(missing('better-sqlite3')));
  await expect(loading).rejects.toMatchObject({
    code: 'BATON_INVALID_OPTION',
    message: expect.stringMatching(/: npm install better-sqlite3$/) as string,
  });
});

test.each([
  ['its native part was built for another version', new Error('NODE_MODULE_VERSION 108')],
  ['something that it needs is missing', missing('bindings')],
])('a driver does not run because %s: the error says so', async (_, cause) => {
  const loading = loadDriver('better-sqlite3', () => Promise.reject(cause));
  await expect(loading).rejects.toMatchObject({
    code: 'BATON_INVALID_OPTION',
    message: expect.stringContaining('npm rebuild better-sqlite3') as string,
    cause,
  });
});

test('the import of a package that is not there is seen as what it is', async () => {
  const name = 'oracledb-of-nobody';
  const loading = loadDriver(name as 'oracledb', () => import(name) as Promise<unknown>);
  await expect(loading).rejects.toMatchObject({
    message: `The driver of this database is not installed; run: npm install ${name}`,
  });
});
