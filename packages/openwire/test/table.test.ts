import { describe, expect, test } from 'vitest';
import { command, type TypeName } from '../src/index.ts';
import { TABLE, type Field } from '../src/structure/table.ts';
import { publishedTable, type Json, type JsonObject } from './fixtures.ts';

/** Fields whose protocol name is taken by the discriminant. */
const RENAMED: Readonly<Record<string, string>> = {
  'TransactionInfo.type': 'transactionType',
  'JournalTransaction.type': 'transactionType',
};

const OUR_WIRE_TYPES: Readonly<Record<string, string>> = {
  byteSequence: 'bytes',
  byteArray: 'bytes',
  constByteArray: 'magic',
};

const rows = (publishedTable()['types'] as readonly JsonObject[]).filter(
  (row) => row['abstract'] === false,
);

function ourName(type: string, field: string): string {
  if (field !== 'type') return field;
  return RENAMED[`${type}.${field}`] ?? 'jmsType';
}

function concreteNames(name: string): string[] {
  if (name === 'BooleanExpression') return ['NetworkBridgeFilter'];
  const heirs = rows.filter(
    (row) => row['name'] === name || (row['extends'] as Json[]).includes(name),
  );
  return heirs.map((row) => row['name'] as string);
}

describe('the table agrees with the published one', () => {
  test('on the number of types', () => {
    expect(Object.keys(TABLE).sort()).toEqual(rows.map((row) => row['name']).sort());
    expect(rows).toHaveLength(57);
  });

  for (const row of rows) {
    const name = row['name'] as TypeName;
    const published = row['fields'] as readonly JsonObject[];
    const ours = Object.entries<Field>(TABLE[name].fields);

    test(`on code, fields, order, versions and wire types of ${name}`, () => {
      expect(TABLE[name].code).toBe(row['typeCode']);
      expect(TABLE[name].since).toBe(row['since']);
      expect(TABLE[name].standsAlone).toBe(row['kind'] === 'command');
      expect(
        ours.map(([field, { wire, since, until }]) => ({ field, wire, since, until })),
      ).toEqual(
        published.map((field) => ({
          field: ourName(name, field['name'] as string),
          wire: OUR_WIRE_TYPES[field['wire'] as string] ?? field['wire'],
          since: field['since'],
          until: field['until'] ?? 12,
        })),
      );
    });

    test(`on what the fields of ${name} may hold`, () => {
      for (const [i, [, { wire, holds }]] of ours.entries()) {
        if (wire !== 'nested' && wire !== 'cached' && wire !== 'array') continue;
        const held = published[i]?.['class'] as string;
        // RemoveInfo.objectId is declared as any structure; its note names the ids it can be.
        if (name === 'RemoveInfo') expect(published[i]?.['note']).toContain((holds as string[])[0]);
        else if (held === 'DataStructure') expect(holds).toBe('anything');
        else expect((holds as string[]).toSorted()).toEqual(concreteNames(held).sort());
      }
    });

    test(`on what a fresh ${name} holds`, () => {
      const fresh = command(name) as unknown as Record<string, unknown>;
      for (const field of published) {
        const wanted = field['default'] ?? null;
        const made = fresh[ourName(name, field['name'] as string)];
        if (field['until'] !== undefined) continue;
        if (field['wire'] === 'constByteArray') {
          expect(`hex:${Buffer.from(made as Uint8Array).toString('hex')}`).toBe(wanted);
          // The reference makes empty ids where we say that there is none.
        } else if (typeof wanted === 'string' && wanted.startsWith('<new')) expect(made).toBeNull();
        else expect(made).toBe(wanted);
      }
    });
  }
});
