import { describe, expect, test } from 'vitest';
import { oracleProblems } from '../../src/database/oracle/option-problems.ts';
import { tablesWith } from '../../src/schema/tables.ts';
import { A, B, bytes, message, removed, shared } from '../fixtures/records.ts';
import { everyStatement, ORACLE, whileWriting } from './every-statement.ts';
import { syntaxErrors } from './oracle-grammar.ts';

/** As long as options let it be. */
const LONGEST_PREFIX = 'abcdefghijklmnopq_';

const requests = await everyStatement(LONGEST_PREFIX);
const texts = [...new Set(requests.map(({ sql }) => sql))];

describe('what Oracle is asked', () => {
  test('the longest prefix is the longest that options allow', () => {
    const location = { kind: 'oracle', hosts: [], user: 'u', database: 'd' } as const;
    const problemsOf = (tablePrefix: string) => [
      ...oracleProblems(location, { tls: 'off', tablePrefix }),
    ];
    expect(problemsOf(LONGEST_PREFIX)).toEqual([]);
    expect(problemsOf(`${LONGEST_PREFIX}_`).join()).toContain('18 characters');
  });

  test('the checks below find what other databases know and Oracle does not', () => {
    for (const sql of [
      'select a from t limit 5',
      'select * from t as x',
      'insert into t (a) values (1), (2)',
      'insert into t (a) values (:1) on conflict do nothing',
      'insert or replace into t (a) values (:1)',
      'update t join u on t.a = u.a set t.b = 1',
      'select a::int from t',
      'select `a` from t',
      'select 1',
      'insert into t (order) values (1)',
    ]) {
      expect(syntaxErrors(sql), sql).not.toEqual([]);
    }
  });

  test('all of it has been generated', () => {
    for (const beginning of [
      'alter session',
      'create table',
      'select * from (select',
      'select max',
      'select sum',
      'insert into',
      'update',
      'delete from',
      'commit',
    ]) {
      expect(texts.filter((sql) => sql.startsWith(beginning)).length, beginning).toBeGreaterThan(0);
    }
    for (const table of ['lease', 'destinations', 'messages', 'bodies', 'producers', 'states']) {
      const made = texts.filter((sql) =>
        sql.startsWith(`create table ${LONGEST_PREFIX}${table} (`),
      );
      expect(made, table).toHaveLength(1);
    }
  });

  test('a parser of its SQL understands it', { timeout: 60_000 }, () => {
    for (const sql of texts) {
      expect(syntaxErrors(sql), sql).toEqual([]);
    }
  });

  test('placeholders are numbered, and each has its value', () => {
    for (const { sql, binds } of requests) {
      const numbers = [...sql.matchAll(/:(\d+)/g)].map(([, number]) => Number(number));
      expect(numbers, sql).toEqual(numbers.map((_, at) => at + 1));
      for (const values of binds) expect(values, sql).toHaveLength(numbers.length);
    }
  });

  test('values are those the driver takes, and none is empty', () => {
    for (const { sql, binds } of requests) {
      for (const value of binds.flat()) {
        const isText = typeof value === 'string' && value !== '';
        const isBytes = Buffer.isBuffer(value) && value.length > 0;
        expect(value === null || Number.isSafeInteger(value) || isText || isBytes, sql).toBe(true);
      }
    }
  });

  test('no column is bound to nothing but nulls, of which the driver makes texts', () => {
    for (const { sql, binds } of requests.filter(({ sql }) => sql.startsWith('insert'))) {
      const widths = binds[0]?.map((_, at) => binds.some((row) => row[at] !== null)) ?? [];
      expect(widths, sql).not.toContain(false);
    }
  });

  test('names are written without quotes, and short enough for every version', () => {
    for (const sql of texts) {
      expect(sql).not.toMatch(/["`]/);
      for (const [name] of sql.matchAll(/\w+/g)) expect(name.length, sql).toBeLessThanOrEqual(30);
    }
  });

  test('nothing is compared with an empty text or with a truth', () => {
    for (const sql of texts) expect(sql).not.toMatch(/''|\b(true|false)\b/i);
  });

  test('columns are of types that it has', () => {
    const type = /^\w+ (number\(20, 0\)|integer|varchar2\(\d+\)|clob|blob)( not null)?$/;
    const created = texts.flatMap(
      (sql) => /^create table \w+ \((.*), primary key/.exec(sql)?.[1] ?? [],
    );
    expect(created).toHaveLength(6);
    for (const columns of created) {
      for (const column of columns.split(/, (?=[a-z])/)) expect(column).toMatch(type);
    }
  });
});

/** By hand, from the SQL Language Reference. */
describe('the form of', () => {
  const statementsOf = (beginning: string): readonly string[] =>
    texts
      .filter((sql) => sql.startsWith(beginning))
      .map((sql) => sql.replaceAll(LONGEST_PREFIX, ''));

  test('a table is one statement, so that none is left without its key', () => {
    expect(statementsOf('create table')).toEqual([
      'create table lease (id integer not null, schema_version integer not null, epoch number(20, 0) not null, batch number(20, 0) not null, holder varchar2(36), owner clob, has_lock integer not null, expires_at number(20, 0) not null, primary key (id))',
      'create table destinations (destination number(20, 0) not null, destination_key clob, message_count number(20, 0) not null, message_bytes number(20, 0) not null, next_sequence number(20, 0) not null, primary key (destination))',
      'create table messages (destination number(20, 0) not null, sequence number(20, 0) not null, redelivery_count integer not null, byte_count integer not null, body number(20, 0), payload blob, primary key (destination, sequence))',
      'create table bodies (body number(20, 0) not null, place_count integer not null, payload blob, primary key (body))',
      'create table producers (producer_hash varchar2(64) not null, producer clob, sequence number(20, 0) not null, primary key (producer_hash))',
      'create table states (state_hash varchar2(64) not null, space clob, state_key clob, value blob, primary key (state_hash))',
    ]);
    expect(statementsOf('alter table')).toEqual([]);
  });

  test('the present is whole milliseconds of one interval, in UTC', () => {
    const since = `(sys_extract_utc(systimestamp) - date '1970-01-01')`;
    expect(ORACLE.now).toBe(
      `trunc(extract(day from ${since}) * 86400000 + extract(hour from ${since}) * 3600000` +
        ` + extract(minute from ${since}) * 60000 + extract(second from ${since}) * 1000)`,
    );
  });

  test('a page is cut by row numbers given after the order', () => {
    const [page] = statementsOf('select m.sequence');
    expect(page).toBe(
      'select m.sequence, m.redelivery_count, m.payload own_payload, b.payload shared_payload from' +
        ' (select sequence, byte_count, sum(byte_count) over (order by sequence) as total from' +
        ' (select * from (select sequence, byte_count from messages where destination = :1 and sequence >= :2' +
        ' order by sequence asc) where rownum <= :3) n) s' +
        ' inner join messages m on m.sequence = s.sequence and m.destination = :4' +
        ' left join bodies b on b.body = m.body' +
        ' where (s.total <= :5 or s.total = s.byte_count) order by m.sequence asc',
    );
  });

  test('what is taken up counts tables, indexes and long values', () => {
    expect(ORACLE.usedBytes(tablesWith('b_'))).toEqual({
      sql:
        'select nvl(sum(bytes), 0) as bytes from user_segments where segment_name in (:1, :2, :3, :4, :5, :6)' +
        ' or segment_name in (select index_name from user_indexes where table_name in (:7, :8, :9, :10, :11, :12))' +
        ' or segment_name in (select segment_name from user_lobs where table_name in (:13, :14, :15, :16, :17, :18))',
      values: [1, 2, 3].flatMap(() => [
        ...['B_LEASE', 'B_DESTINATIONS', 'B_MESSAGES', 'B_BODIES', 'B_PRODUCERS', 'B_STATES'],
      ]),
    });
  });

  test('a write is the fence, its steps and a commit', async () => {
    const sent = await whileWriting('', [
      message(A, 7, bytes('own')),
      shared([A, B], 8, bytes('shared')),
      removed(A, 1),
      { type: 'state-put', space: 's', key: '', value: bytes('v') },
    ]);
    const hash: unknown = expect.stringMatching(/^[0-9a-f]{64}$/);
    expect(sent.map(({ sql, binds }) => [sql, binds])).toEqual([
      ['update lease set batch = :1 where id = 1 and epoch = :2 and batch = :3', [[8, 1, 7]]],
      [
        'select destination, count(*) as message_count, sum(byte_count) as message_bytes, count(body) as shared_count' +
          ' from messages where ((destination = :1 and sequence between :2 and :3)) group by destination',
        [[1, 1, 1]],
      ],
      [
        'select body, count(*) as place_count from messages where body is not null and' +
          ' ((destination = :1 and sequence between :2 and :3)) group by body',
        [[1, 1, 1]],
      ],
      ['delete from messages where (destination = :1 and sequence between :2 and :3)', [[1, 1, 1]]],
      [
        'insert into bodies (body, place_count, payload) values (:1, :2, :3)',
        [[41, 2, Buffer.from('shared')]],
      ],
      [
        'insert into messages (destination, sequence, redelivery_count, byte_count, body, payload)' +
          ' values (:1, :2, :3, :4, :5, :6)',
        [
          [1, 7, 0, 3, null, Buffer.from('own')],
          [1, 8, 0, 6, 41, null],
          [2, 8, 0, 6, 41, null],
        ],
      ],
      ['delete from states where state_hash = :1', [[hash]]],
      [
        // An empty text is null, and so is what is not written.
        'insert into states (state_hash, space, value) values (:1, :2, :3)',
        [[hash, 's', Buffer.from('v')]],
      ],
      [
        'update destinations set message_count = message_count + :1, message_bytes = message_bytes + :2,' +
          ' next_sequence = :3 where destination = :4',
        [
          [2 - 2, 9 - 30, 9, 1],
          [1, 6, 9, 2],
        ],
      ],
      [
        'update bodies set place_count = place_count - :1 where (body between :2 and :3)',
        [[1, 4, 4]],
      ],
      ['delete from bodies where place_count = 0 and (body between :1 and :2)', [[4, 4]]],
      ['commit', []],
    ]);
  });
});
