import { setTimeout as delay } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { postgresQuery, startPostgresPair, temporaryDirectory } from '../src/index.ts';

test('a promoted standby has what its killed primary answered, and commits alone', async () => {
  await using directory = await temporaryDirectory();
  await using pair = await startPostgresPair({ directory: directory.path });
  await postgresQuery(pair.primary, 'CREATE TABLE kept (number INT PRIMARY KEY)');
  await postgresQuery(pair.primary, 'INSERT INTO kept VALUES (1)');
  await expect(postgresQuery(pair.standby, 'INSERT INTO kept VALUES (2)')).rejects.toThrow(
    /read-only transaction/,
  );

  await pair.primary.kill();
  await pair.promote();

  await postgresQuery(pair.standby, 'INSERT INTO kept VALUES (3)');
  expect(await postgresQuery(pair.standby, 'SELECT number FROM kept ORDER BY number')).toBe('1\n3');
});

test('a primary answers no commit while its standby is gone, and goes on when it is back', async () => {
  await using directory = await temporaryDirectory();
  await using pair = await startPostgresPair({ directory: directory.path });
  await pair.standby.kill();
  let isAnswered = false;
  const created = postgresQuery(pair.primary, 'CREATE TABLE late (number INT)').then(() => {
    isAnswered = true;
  });
  await delay(200);
  expect(isAnswered).toBe(false);
  await pair.standby.start();
  await created;
  // The standby has it on disk before it shows it.
  const shown = `SELECT count(*) FROM pg_tables WHERE tablename = 'late'`;
  await expect.poll(() => postgresQuery(pair.standby, shown)).toBe('1');
});
