import assert from 'node:assert/strict';
import { destinationNumber, type BrokerError } from '@batonmq/model';
import {
  A,
  added,
  addedRange,
  B,
  bytesOf,
  put,
  QUEUES,
  range,
  redelivered,
  rejectsWith,
  removed,
  testsOn,
  type PlaceUnderTest,
  type Serving,
} from './place-under-test.ts';
import type { StorePlace, StoreSuiteOptions } from './suite-options.ts';

const UNKNOWN = destinationNumber(99);

/** What every store does with what it is given, while one lease lasts. */
export function storeContentSuite<Place extends StorePlace>(
  options: StoreSuiteOptions<Place>,
): void {
  const test = testsOn(options);

  test('the suite was given the capabilities of the manifest', (place) => {
    assert.deepEqual({ ...place.open().manifest.capabilities }, { ...options.capabilities });
    return Promise.resolve();
  });

  test('a message is readable when its append has resolved', async (place) => {
    const broker = await place.serveQueues();
    await broker.append(added('hello', [A, 1]));
    assert.deepEqual(await broker.contents(A), ['1:hello']);
    assert.deepEqual(await broker.contents(B), []);
  });

  test('the pieces of a payload come back as one', async (place) => {
    const broker = await place.serveQueues();
    const payload = ['he', '', 'llo'].map(bytesOf);
    await broker.append({ ...added('', [A, 1]), payload }, { ...added('', [A, 2]), payload: [] });
    assert.deepEqual(await broker.contents(A), ['1:hello', '2:']);
  });

  test('every byte value of a large message comes back', async (place) => {
    const broker = await place.serveQueues();
    const large = Uint8Array.from({ length: 3 * 2 ** 20 + 1 }, (_, index) => (index * 31) % 256);
    await broker.append(added(large, [A, 1]));
    const [read] = await broker.page(A);
    assert.ok(read !== undefined && Buffer.from(read.payload).equals(large));
  });

  test('a thousand messages of one batch come back in order', async (place) => {
    const broker = await place.serveQueues();
    await broker.append(...addedRange(A, 1, 1000));
    const expected = range(1, 1000).map((at) => `${at}:m${at}`);
    assert.deepEqual(await broker.contents(A), expected);
  });

  test('sequences may have gaps', async (place) => {
    const broker = await place.serveQueues();
    await broker.append(added('x', [A, 3]), added('y', [A, 1_000_000]));
    assert.deepEqual(await broker.contents(A), ['3:x', '1000000:y']);
    assert.deepEqual(
      (await broker.page(A, 4)).map(({ sequence }) => sequence),
      [1_000_000],
    );
  });

  test('the records of a batch apply in order', async (place) => {
    const broker = await place.serveQueues();
    await broker.append(
      added('gone', [A, 1]),
      removed(A, 1),
      added('counted', [A, 2]),
      redelivered(A, 2, 1),
      redelivered(A, 2, 2),
    );
    const page = await broker.page(A);
    assert.deepEqual(
      page.map(({ redeliveryCount }) => redeliveryCount),
      [2],
    );
  });

  test('many appends in flight settle in order, and each is readable then', async (place) => {
    const broker = await place.serveQueues();
    const settled: number[] = [];
    const appends = range(1, 100).map(async (at) => {
      await broker.append(added(`m${at}`, [A, at]));
      settled.push(at);
      if (at % 25 === 0) assert.equal((await broker.page(A, at))[0]?.sequence, at);
    });
    await Promise.all(appends);
    assert.deepEqual(settled, range(1, 100));
  });

  test('many appends in flight take effect in order', async (place) => {
    const broker = await place.serveQueues();
    await broker.append(added('x', [A, 1]));
    await Promise.all(range(1, 50).map((count) => broker.append(redelivered(A, 1, count))));
    assert.equal((await broker.page(A))[0]?.redeliveryCount, 50);
  });

  test('the caller may reuse its buffers when the append has settled', async (place) => {
    const broker = await place.serveQueues();
    const buffer = bytesOf('before');
    await broker.append(added(buffer, [A, 1]));
    buffer.fill(0);
    assert.deepEqual(await broker.contents(A), ['1:before']);
  });

  test('the reader may change what it has read', async (place) => {
    const broker = await place.serveQueues();
    await broker.append(added('stored', [A, 1], [B, 1]));
    for (const { payload } of await broker.page(A)) payload.fill(0);
    assert.deepEqual(await broker.contents(A), ['1:stored']);
    assert.deepEqual(await broker.contents(B), ['1:stored']);
  });

  testRemovals(test);
  testPages(test);
  testSeveralTargets(test);
  if (options.createSmall !== undefined) testFull(testsOn(options, options.createSmall));
}

type Test = (promise: string, run: (place: PlaceUnderTest) => Promise<void>) => void;

function testRemovals(test: Test): void {
  test('a removed message is not read, and the others are', async (place) => {
    const broker = await place.serveQueues();
    await broker.append(...addedRange(A, 1, 5));
    await broker.append(removed(A, 1), removed(A, 3), removed(A, 5));
    assert.deepEqual(await broker.contents(A), ['2:m2', '4:m4']);
  });

  test('what is said of unknown places changes nothing', async (place) => {
    const broker = await place.serveQueues();
    await broker.append(added('x', [A, 2]));
    await broker.append(removed(A, 1), removed(B, 2), removed(UNKNOWN, 2), removed(A, 3));
    await broker.append(redelivered(A, 1, 7), redelivered(UNKNOWN, 2, 7));
    await broker.append({ type: 'producer-forgotten', producer: 'nobody' });
    await broker.append({ type: 'state-removed', space: 'none', key: 'none' });
    const page = await broker.page(A);
    assert.deepEqual(
      page.map(({ redeliveryCount }) => redeliveryCount),
      [0],
    );
  });

  test('a removed destination takes its messages along and no others', async (place) => {
    const broker = await place.serveQueues();
    await broker.append(added('both', [A, 1], [B, 1]), added('one', [A, 2]));
    await broker.append({ type: 'destination-removed', destination: A });
    assert.deepEqual(await broker.contents(A), []);
    assert.deepEqual(await broker.contents(B), ['1:both']);
  });

  test('number and key of a removed destination may come back, and start empty', async (place) => {
    const broker = await place.serveQueues();
    await broker.append(...addedRange(A, 1, 9));
    await broker.append({ type: 'destination-removed', destination: A }, ...QUEUES.slice(0, 1));
    assert.deepEqual(await broker.contents(A), []);
    await broker.append(added('new', [A, 1]));
    assert.deepEqual(await broker.contents(A), ['1:new']);
  });
}

function testPages(test: Test): void {
  test('a page starts at its first sequence', async (place) => {
    const broker = await place.serveQueues();
    await broker.append(...addedRange(A, 1, 5));
    assert.deepEqual(
      (await broker.page(A, 4)).map(({ sequence }) => sequence),
      [4, 5],
    );
    assert.deepEqual(await broker.page(A, 6), []);
    assert.deepEqual(await broker.page(UNKNOWN), []);
  });

  test('a page ends at its count of messages', async (place) => {
    const broker = await place.serveQueues();
    await broker.append(...addedRange(A, 1, 5), removed(A, 2));
    const page = await broker.page(A, 1, { messageCountMax: 3 });
    assert.deepEqual(
      page.map(({ sequence }) => sequence),
      [1, 3, 4],
    );
  });

  test('a page ends at its count of bytes', async (place) => {
    const broker = await place.serveQueues();
    await broker.append(...range(1, 5).map((at) => added(new Uint8Array(100), [A, at])));
    const page = await broker.page(A, 1, { bytesMax: 250 });
    assert.ok(page.length >= 1 && page.length <= 2, `${page.length} messages of 100 bytes`);
  });

  test('a page holds one message at least, however large', async (place) => {
    const broker = await place.serveQueues();
    await broker.append(added(new Uint8Array(5000), [A, 1]), added('small', [A, 2]));
    const page = await broker.page(A, 1, { bytesMax: 1 });
    assert.deepEqual(
      page.map(({ payload }) => payload.length),
      [5000],
    );
  });

  test('pages of every size lead through the same messages', async (place) => {
    const broker = await place.serveQueues();
    await broker.append(...addedRange(A, 1, 50));
    await broker.append(...range(10, 30).map((at) => removed(A, at)));
    const expected = [...range(1, 9), ...range(31, 50)].map((at) => `${at}:m${at}`);
    for (const messageCountMax of [1, 7, 29, 1000]) {
      assert.deepEqual(await broker.contents(A, { messageCountMax }), expected);
    }
    assert.deepEqual(await broker.contents(A, { bytesMax: 10 }), expected);
  });
}

function testSeveralTargets(test: Test): void {
  test('a message of several targets is removed from each on its own', async (place) => {
    const broker = await place.serveQueues();
    await broker.append(added('shared', [A, 4], [A, 5], [B, 1]));
    await broker.append(removed(A, 4));
    assert.deepEqual(await broker.contents(A), ['5:shared']);
    assert.deepEqual(await broker.contents(B), ['1:shared']);
    await broker.append(removed(A, 5));
    assert.deepEqual(await broker.contents(A), []);
    assert.deepEqual(await broker.contents(B), ['1:shared']);
  });

  test('redeliveries are counted for each target on its own', async (place) => {
    const broker = await place.serveQueues();
    await broker.append(added('shared', [A, 1], [B, 1]));
    await broker.append(redelivered(A, 1, 3));
    assert.deepEqual(
      (await broker.page(A)).map((read) => read.redeliveryCount),
      [3],
    );
    assert.deepEqual(
      (await broker.page(B)).map((read) => read.redeliveryCount),
      [0],
    );
  });

  test('a message of several targets is stored once', async (place) => {
    const broker = await place.serveQueues();
    const bytes = 64 * 1024;
    const before = (await broker.store.inspect()).liveBytes;
    const places = range(1, 8).map((at) => [A, at] as const);
    await broker.append(added(new Uint8Array(bytes), ...places));
    const { liveBytes, messageCount } = await broker.store.inspect();
    assert.equal(messageCount, 8);
    assert.ok(liveBytes - before >= bytes, 'its bytes count');
    assert.ok(liveBytes - before < 2 * bytes, 'its bytes count once');
  });
}

function testFull(test: Test): void {
  const large = new Uint8Array(64 * 1024);

  test('a store has room for some messages, then refuses the next', async (place) => {
    const broker = await place.serveQueues();
    assert.ok((await fill(broker, large)) >= 4, 'there was room for 256 KiB');
  });

  test('a batch refused for lack of room has no effect at all', async (place) => {
    const broker = await place.serveQueues();
    await fill(broker, large);
    const batch = [removed(A, 1), added(new Uint8Array(16 * 2 ** 20), [B, 1])];
    await rejectsWith('BATON_STORE_FULL', broker.append(...batch));
    assert.equal((await broker.page(A, 1, { messageCountMax: 1 }))[0]?.sequence, 1);
    assert.deepEqual(await broker.contents(B), []);
  });

  test('a full store takes all that is no message, and has room again after removals', async (place) => {
    const broker = await place.serveQueues();
    const count = await fill(broker, large);
    await broker.append(put('s', 'k', 'v'), redelivered(A, 1, 1));
    await broker.append(...range(1, count).map((at) => removed(A, at)));
    await broker.append(added('room again', [B, 1]));
    assert.deepEqual(await broker.contents(B), ['1:room again']);
  });
}

/** Adds messages to A until the store is full; returns how many it took. */
async function fill(broker: Serving, payload: Uint8Array): Promise<number> {
  for (const at of range(1, 256)) {
    try {
      await broker.append(added(payload, [A, at]));
    } catch (error) {
      assert.equal((error as BrokerError).code, 'BATON_STORE_FULL');
      return at - 1;
    }
  }
  return assert.fail('a small place takes 16 MiB at most');
}
