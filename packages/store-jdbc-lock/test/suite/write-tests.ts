import { simRandom } from '@batonmq/runtime/sim';
import { expect, test } from 'vitest';
import { fingerprint } from '../fixtures/model.ts';
import { RandomBatches } from '../fixtures/random-batches.ts';
import {
  A,
  added,
  B,
  bytes,
  C,
  dropped,
  message,
  redelivered,
  removed,
  shared,
} from '../fixtures/records.ts';
import { TableWriter } from '../fixtures/table-writer.ts';
import type { SuiteContext } from './suite-context.ts';

const SEEDS = [1, 2, 3];
const WRITES_PER_SEED = 60;
const BATCHES_PER_WRITE_MAX = 5;

export function writeTests(context: SuiteContext): void {
  test('does what each kind of record says', async () => {
    const writer = await context.newWriter();
    await writer.write([added(A, 'queue://A'), added(B, 'queue://B')]);
    await writer.write(
      [message(A, 1, bytes('1')), message(A, 2, bytes('2')), message(A, 3, bytes('3'))],
      [message(B, 7, bytes('x'), bytes('yz'))],
      [{ type: 'producer-marked', producer: 'p', sequence: 9 }],
      [{ type: 'producer-marked', producer: 'q', sequence: 1 }],
      [{ type: 'state-put', space: 's', key: 'k', value: bytes('v') }],
      [{ type: 'state-put', space: 's', key: 'l', value: bytes('') }],
    );
    expect(await writer.contents()).toEqual(writer.expected);
    await writer.write(
      [removed(A, 2), redelivered(A, 3, 4), redelivered(B, 7, 1)],
      [{ type: 'producer-marked', producer: 'p', sequence: 12 }],
      [{ type: 'producer-forgotten', producer: 'q' }],
      [{ type: 'state-put', space: 's', key: 'k', value: bytes('w') }],
      [{ type: 'state-removed', space: 's', key: 'l' }],
    );
    expect(await writer.contents()).toEqual(writer.expected);
    await writer.write([dropped(A)]);
    const messages = new Map([[7, { payload: fingerprint(bytes('xyz')), redeliveryCount: 1 }]]);
    expect(await writer.contents()).toEqual({
      destinations: new Map([[2, { key: 'queue://B', nextSequence: 8, messages }]]),
      producers: new Map([['p', 12]]),
      states: new Map([['["s","k"]', fingerprint(bytes('w'))]]),
    });
  });

  test('remembers the next sequence of messages that came and went within it', async () => {
    const writer = await context.newWriter();
    await writer.write([added(A, 'queue://A')]);
    await writer.write([message(A, 5, bytes('short-lived'))], [removed(A, 5)]);
    expect((await writer.contents()).destinations.get(A)).toEqual({
      key: 'queue://A',
      nextSequence: 6,
      messages: new Map(),
    });
  });

  test('gives the number of a removed destination to another one', async () => {
    const writer = await context.newWriter();
    await writer.write([added(A, 'queue://old')]);
    await writer.write([message(A, 1, bytes('a')), message(A, 2, bytes('b'))]);
    await writer.write(
      [dropped(A), added(A, 'queue://new')],
      [removed(A, 2), redelivered(A, 1, 3)],
      [message(A, 1, bytes('c'))],
    );
    expect(await writer.contents()).toEqual(writer.expected);
    expect(writer.expected.destinations.get(A)?.messages.get(1)?.redeliveryCount).toBe(0);
  });

  test('stores a body of several places once, until the last of them is gone', async () => {
    const writer = await context.newWriter();
    const bodyCount = async (): Promise<number> => {
      const sql = `select body from ${writer.tables.bodies}`;
      return (await writer.session.run({ sql, values: [] })).rows.length;
    };
    await writer.write([added(A, 'queue://A'), added(B, 'queue://B'), added(C, 'queue://C')]);
    await writer.write([
      shared([A, B, C], 1, bytes('of three')),
      shared([A, B], 2, bytes('of two')),
    ]);
    expect(await bodyCount()).toBe(2);
    for (const record of [removed(A, 1), removed(A, 2), dropped(B)]) {
      await writer.write([record]);
      expect(await writer.contents()).toEqual(writer.expected);
    }
    expect(await bodyCount()).toBe(1);
    await writer.write([removed(C, 1)]);
    expect(await writer.contents()).toEqual(writer.expected);
    expect(await bodyCount()).toBe(0);
  });

  test('is as its batches one after another, whatever they are', { timeout: 120_000 }, async () => {
    for (const seed of SEEDS) {
      const writer = await context.newWriter();
      const random = simRandom(seed);
      const batches = new RandomBatches(random);
      for (let write = 0; write < WRITES_PER_SEED; write += 1) {
        const batchCount = 1 + random.below(BATCHES_PER_WRITE_MAX);
        await writer.write(...Array.from({ length: batchCount }, () => batches.next()));
        expect(await writer.contents(), `seed ${seed}, write ${write}`).toEqual(writer.expected);
      }
    }
  });

  test('takes effect once when it is sent again', async () => {
    const writer = await context.newWriter();
    await writer.write([added(A, 'queue://A')]);
    await writer.write([message(A, 1, bytes('one')), message(A, 2, bytes('two'))]);
    const batch = [removed(A, 1), message(A, 3, bytes('three'))];
    await writer.write(batch);
    const fence = { epoch: TableWriter.EPOCH, batch: writer.batch };
    expect(await writer.tryWrite(fence, batch)).toBe(false);
    expect(await writer.contents()).toEqual(writer.expected);
  });

  test('changes nothing behind a fence that does not hold', async () => {
    const writer = await context.newWriter();
    await writer.write([added(A, 'queue://A'), added(B, 'queue://B')]);
    await writer.write([message(A, 1, bytes('one')), shared([A, B], 2, bytes('two'))]);
    const batch = writer.batch + 1;
    const [earlier, later] = [TableWriter.EPOCH - 1, TableWriter.EPOCH + 1];
    const refused = [
      { epoch: earlier, batch },
      { epoch: later, batch },
      { epoch: TableWriter.EPOCH, batch: batch + 1 },
      { epoch: TableWriter.EPOCH, batch: batch - 1 },
    ];
    for (const fence of refused) {
      for (const record of [removed(A, 2), dropped(B), added(C, 'c'), message(A, 3, bytes('3'))]) {
        expect(await writer.tryWrite(fence, [record])).toBe(false);
      }
    }
    expect(await writer.contents()).toEqual(writer.expected);
    // The session and the fence that does hold are as good as before.
    await writer.write([removed(A, 2)]);
    expect(await writer.contents()).toEqual(writer.expected);
  });

  test('changes nothing if it fails halfway', async () => {
    const writer = await context.newWriter();
    await writer.write([added(A, 'queue://A')]);
    await writer.write([message(A, 1, bytes('one'))]);
    // A sequence that is there already is against the contract, and against the primary key.
    const fence = { epoch: TableWriter.EPOCH, batch: writer.batch + 1 };
    const writing = writer.tryWrite(fence, [
      message(A, 2, bytes('two')),
      message(A, 1, bytes('1')),
    ]);
    const error: unknown = await writing.catch((reason: unknown) => reason);
    expect(context.database.failureOf(error)).toBe('fatal');
    expect(await writer.contents()).toEqual(writer.expected);
    await writer.write([message(A, 2, bytes('two'))]);
    expect(await writer.contents()).toEqual(writer.expected);
  });
}
