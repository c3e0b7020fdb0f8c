import oracledb from 'oracledb';
import { describe, expect, test } from 'vitest';
import { oracleFailure } from '../../src/database/oracle/failure.ts';
import { OracleSession } from '../../src/database/oracle/oracle-session.ts';
import { A, bytes, message } from '../fixtures/records.ts';
import { tablesWith } from '../../src/schema/tables.ts';
import { ChangeSet } from '../../src/write/change-set.ts';
import { ORACLE } from './every-statement.ts';
import { oracleError, RecordedServer } from './recorded-server.ts';

const TABLES = tablesWith('b_');

function sessionOn(server: RecordedServer): OracleSession {
  return new OracleSession(server.driver, server.connection);
}

function writeOn(server: RecordedServer): Promise<boolean> {
  const changes = new ChangeSet(1);
  changes.add([message(A, 1, bytes('x'))]);
  return ORACLE.write(sessionOn(server), changes, TABLES, { epoch: 1, batch: 1 });
}

describe('a write', () => {
  test('is nothing but the fence if that does not hold', async () => {
    const server = new RecordedServer(() => ({ rowsAffected: 0 }));
    expect(await writeOn(server)).toBe(false);
    expect(server.texts).toEqual([expect.stringMatching(/^update b_lease set batch/), 'rollback']);
  });

  test('is committed once, at its end', async () => {
    const server = new RecordedServer(() => ({ rowsAffected: 1 }));
    expect(await writeOn(server)).toBe(true);
    expect(server.requests.filter(({ isCommitted }) => isCommitted)).toHaveLength(1);
    expect(server.texts.at(-1)).toBe('commit');
  });

  test('is undone as a whole when a part of it fails', async () => {
    const server = new RecordedServer((sql) =>
      sql.startsWith('insert') ? oracleError('ORA-01653') : { rowsAffected: 1 },
    );
    await expect(writeOn(server)).rejects.toThrow('ORA-01653');
    expect(server.texts.at(-1)).toBe('rollback');
    expect(server.texts).not.toContain('commit');
  });

  test('that cannot be undone ends the connection, which undoes it', async () => {
    const server = new RecordedServer((sql) => {
      if (sql === 'rollback') return oracleError('NJS-500');
      return sql.startsWith('insert') ? oracleError('NJS-123') : { rowsAffected: 1 };
    });
    let isClosed = false;
    server.socket.on('close', () => {
      isClosed = true;
    });
    await expect(writeOn(server)).rejects.toThrow('NJS-123');
    expect(isClosed).toBe(true);
  });
});

describe('a session', () => {
  test('commits each statement', async () => {
    const server = new RecordedServer(() => ({ rowsAffected: 3 }));
    const { changedCount } = await sessionOn(server).run({
      sql: 'update t set a = :1',
      values: [1],
    });
    expect(changedCount).toBe(3);
    expect(server.requests[0]?.isCommitted).toBe(true);
  });

  test('gives names in lower case, and a text of no characters as that', async () => {
    const server = new RecordedServer(() => ({
      columns: [
        { name: 'STATE_KEY', dbType: oracledb.DB_TYPE_CLOB },
        { name: 'VALUE', dbType: oracledb.DB_TYPE_BLOB },
        { name: 'HOLDER', dbType: oracledb.DB_TYPE_VARCHAR },
      ],
      rows: [[null, null, null]],
    }));
    const { rows } = await sessionOn(server).run({ sql: 'select 1 from dual', values: [] });
    expect(rows).toEqual([{ state_key: '', value: null, holder: null }]);
  });

  test('that the server ends rejects what is under way and what comes after', async () => {
    const server = new RecordedServer(() => new Promise(() => undefined));
    const session = sessionOn(server);
    const underWay = session.run({ sql: 'select 1 from dual', values: [] });
    await Promise.resolve();
    server.socket.destroy();
    expect((await session.ended).message).toContain('The server closed it');
    for (const run of [underWay, session.run({ sql: 'select 1 from dual', values: [] })]) {
      const error: unknown = await run.catch((reason: unknown) => reason);
      expect(oracleFailure(error)).toBe('disconnected');
    }
    expect(server.requests).toHaveLength(1);
  });
});
