import { simRandom } from '@batonmq/runtime/sim';
import type { WriteRecord } from '@batonmq/store-spi';
import { expect, test } from 'vitest';
import { destinationNumber } from '@batonmq/model';
import { A, added, B, bytes, message, redelivered, removed, shared } from '../fixtures/records.ts';
import type { SuiteContext } from './suite-context.ts';

const MANY = 10_000;
const BIG_BYTES = 3 << 20;
const LONG = 'ü'.repeat(10_000);
const NAMES = [
  `it's "quoted" \`three\` ways; -- and ?, :a, $1`,
  'nul \0 and \\0 and \\',
  'emoji 🐇🕳️, 漢字, e\u0301',
  ' blanks around ',
  'UPPER',
  'upper',
  LONG,
];

export function contentTests(context: SuiteContext): void {
  test('names of any characters and any length', async () => {
    const writer = await context.newWriter();
    await writer.write(
      NAMES.map((name, at) => added(destinationNumber(at + 1), `queue://${name}`)),
    );
    await writer.write(
      NAMES.flatMap((name, at): WriteRecord[] => [
        { type: 'producer-marked', producer: name, sequence: at },
        { type: 'state-put', space: 'space', key: name, value: bytes(name) },
        { type: 'state-put', space: name, key: 'key', value: bytes(name) },
      ]),
    );
    expect(await writer.contents()).toEqual(writer.expected);
    await writer.write(
      NAMES.map((name) => ({ type: 'producer-forgotten', producer: name })),
      NAMES.map((name) => ({ type: 'state-removed', space: name, key: 'key' })),
    );
    expect(await writer.contents()).toEqual(writer.expected);
  });

  test('payloads of 3 MiB, of several pieces, of no bytes', async () => {
    const writer = await context.newWriter();
    const big = simRandom(7).bytes(BIG_BYTES);
    await writer.write([added(A, 'queue://A'), added(B, 'queue://B')]);
    await writer.write([
      message(A, 1, big),
      message(A, 2, bytes('in '), bytes(''), big.subarray(5, 5000), bytes('pieces')),
      message(A, 3),
      message(A, 4, bytes('')),
      shared([A, B], 5, big.subarray(1), bytes('shared')),
      shared([A, B], 6),
      { type: 'state-put', space: 's', key: 'k', value: big },
    ]);
    expect(await writer.contents()).toEqual(writer.expected);
  });

  test('the largest numbers', async () => {
    const writer = await context.newWriter();
    const last = Number.MAX_SAFE_INTEGER - 1;
    await writer.write([added(A, 'queue://A')]);
    await writer.write([
      message(A, last - 1, bytes('x')),
      message(A, last, bytes('y')),
      { type: 'producer-marked', producer: 'p', sequence: Number.MAX_SAFE_INTEGER },
    ]);
    expect(await writer.contents()).toEqual(writer.expected);
    await writer.write([removed(A, last - 1), redelivered(A, last, 2 ** 31 - 1)]);
    expect(await writer.contents()).toEqual(writer.expected);
  });

  test('ten thousand messages at once, gone again in pieces', { timeout: 120_000 }, async () => {
    const writer = await context.newWriter();
    const numbers = Array.from({ length: MANY }, (_, at) => at + 1);
    const payload = simRandom(3).bytes(100);
    await writer.write([added(A, 'queue://A'), added(B, 'queue://B')]);
    await writer.write(
      numbers.map((number) =>
        number % 3 === 0 ? shared([A, B], number, payload) : message(A, number, payload),
      ),
    );
    expect(await writer.contents()).toEqual(writer.expected);
    // No two neighbours, then all others, some of which are in no place any more.
    await writer.write(numbers.filter((number) => number % 2 === 0).map((n) => removed(A, n)));
    expect(await writer.contents()).toEqual(writer.expected);
    await writer.write(numbers.map((number) => redelivered(B, number, number % 5)));
    await writer.write(numbers.flatMap((number) => [removed(A, number), removed(B, number)]));
    expect(await writer.contents()).toEqual(writer.expected);
    expect(writer.expected.destinations.get(A)?.messages.size).toBe(0);
  });

  test('what it takes up is known, and grows', async () => {
    const writer = await context.newWriter();
    const usedBytes = async (): Promise<number> => {
      await context.measure(writer.session, writer.tables);
      const { rows } = await writer.session.run(context.database.usedBytes(writer.tables));
      expect(rows[0]?.['bytes']).toBeTypeOf('number');
      return Number(rows[0]?.['bytes']);
    };
    const before = await usedBytes();
    await writer.write([added(A, 'queue://A')]);
    await writer.write([message(A, 1, simRandom(1).bytes(BIG_BYTES))]);
    expect(await usedBytes()).toBeGreaterThan(before);
  });
}
