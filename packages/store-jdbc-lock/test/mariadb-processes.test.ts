import { startMariaDb } from '@batonmq/services';
import { createConnection, type RowDataPacket } from 'mysql2/promise';
import { expect } from 'vitest';
import { storeProcessesOn } from './fixtures/store-processes-on.ts';

storeProcessesOn({
  name: 'MariaDB',
  start: startMariaDb,
  deadlock: async ({ uri }, table) => {
    const connection = await createConnection(uri);
    const deadlocks = async (): Promise<number> => {
      const [rows] = await connection.query<RowDataPacket[]>(
        `show global status like 'Innodb_deadlocks'`,
      );
      return Number(rows[0]?.['Value']);
    };
    const before = await deadlocks();
    await connection.query('create table heavy (number int primary key)');
    await connection.query('begin');
    // The server sacrifices the one that has changed less.
    await connection.query('insert into heavy select seq from seq_1_to_1000');
    await connection.query(`select 1 from ${table('destinations')} for update`);
    // Who waits for us. The server looks ten times a second at most, and gives what it saw last until then.
    const waiting = `select 1 from information_schema.innodb_lock_waits
      join information_schema.innodb_trx on trx_id = blocking_trx_id where trx_mysql_thread_id = connection_id()`;
    await expect
      .poll(async () => (await connection.query<RowDataPacket[]>(waiting))[0].length, {
        interval: 250,
        timeout: 5_000,
      })
      .toBeGreaterThan(0);
    await connection.query(`update ${table('lease')} set has_lock = has_lock`);
    await connection.query('commit');
    expect(await deadlocks()).toBeGreaterThan(before);
    await connection.end();
  },
});
