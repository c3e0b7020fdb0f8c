import { startPostgres } from '@batonmq/services';
import { Client } from 'pg';
import { expect } from 'vitest';
import { storeProcessesOn } from './fixtures/store-processes-on.ts';

storeProcessesOn({
  name: 'PostgreSQL',
  start: (options) => startPostgres({ ...options, settings: { deadlock_timeout: '200ms' } }),
  deadlock: async ({ uri }, table) => {
    const client = new Client(uri);
    await client.connect();
    // Whoever waits first looks for deadlocks first, and gives up: that is not us.
    await client.query(`set deadlock_timeout = '1min'`);
    const deadlocks = async (): Promise<unknown> => {
      await client.query('select pg_stat_clear_snapshot()');
      const sql = 'select deadlocks from pg_stat_database where datname = current_database()';
      return (await client.query<{ deadlocks: string }>(sql)).rows[0]?.deadlocks;
    };
    const before = await deadlocks();
    await client.query('begin');
    await client.query(`select 1 from ${table('destinations')} for update`);
    const waitingForUs = `select 1 from pg_stat_activity where pg_backend_pid() = any(pg_blocking_pids(pid))`;
    await expect.poll(async () => (await client.query(waitingForUs)).rowCount).toBeGreaterThan(0);
    await client.query(`update ${table('lease')} set has_lock = has_lock`);
    await client.query('commit');
    await expect.poll(deadlocks).not.toBe(before);
    await client.end();
  },
});
