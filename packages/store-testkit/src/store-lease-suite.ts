import assert from 'node:assert/strict';
import type { AcquireProgress } from '@batonmq/store-spi';
import {
  A,
  added,
  addedRange,
  begun,
  put,
  range,
  rejectsWith,
  serve,
  testsOn,
  type PlaceUnderTest,
} from './place-under-test.ts';
import type { StorePlace, StoreSuiteOptions } from './suite-options.ts';

/** Who may write, and what becomes of it: epochs, release and, for shared places, the line and the fence. */
export function storeLeaseSuite<Place extends StorePlace>(options: StoreSuiteOptions<Place>): void {
  const test = testsOn(options);

  test('each acquisition has a greater epoch', async (place) => {
    const store = place.open();
    const epochs: number[] = [];
    while (epochs.length < 3) {
      const { lease } = await serve(store, 'first');
      epochs.push(lease.epoch);
      await lease.release();
    }
    const isGrowing = epochs.every((epoch, index) => epoch > (epochs[index - 1] ?? 0));
    assert.ok(isGrowing, `epochs ${epochs.join(', ')}`);
  });

  test('a released lease says so and refuses appends', async (place) => {
    const broker = await place.serveQueues();
    await broker.lease.release();
    assert.equal((await broker.lease.lost).reason, 'released');
    await rejectsWith('BATON_CLOSED', broker.append(added('late', [A, 1])));
  });

  test('an aborted signal keeps from acquiring and nothing else', async (place) => {
    const store = place.open();
    const signal = AbortSignal.abort();
    await rejectsWith('BATON_ABORTED', store.acquire({ owner: 'first', signal }));
    await serve(store, 'first');
  });

  test('inspect tells who holds the lease, and its epoch', async (place) => {
    const store = place.open();
    assert.equal((await store.inspect()).isHeldHere, false);
    const { lease } = await serve(store, 'first');
    const { isHeldHere, epoch } = await store.inspect();
    assert.deepEqual([isHeldHere, epoch], [true, lease.epoch]);
  });

  test('close releases the lease and may be called again', async (place) => {
    const { store, lease } = await place.serve();
    await Promise.all([store.close(), store.close()]);
    await store.close();
    assert.equal((await lease.lost).reason, 'released');
    await rejectsWith('BATON_CLOSED', store.acquire({ owner: 'first' }));
  });

  if (options.capabilities.isShared) {
    testLine(test);
    testFence(test);
    test('a shared store lets the suite depose its holder', () => {
      assert.ok(options.depose, 'pass `depose`: fencing cannot be tested without it');
      return Promise.resolve();
    });
  }
}

type Test = (promise: string, run: (place: PlaceUnderTest) => Promise<void>) => void;

function testLine(test: Test): void {
  test('the next in line waits while the lease is held, and sees whose turn it is', async (place) => {
    const first = await place.serveQueues();
    let isGranted = false;
    let seeTurn: () => void = () => undefined;
    const hasSeenTurn = new Promise<void>((resolve) => (seeTurn = resolve));
    const onProgress = ({ type }: AcquireProgress): void => {
      if (type === 'waiting') seeTurn();
    };
    const options = { owner: 'second', onProgress };
    const waiting = begun(
      place
        .open()
        .acquire(options)
        .then(() => {
          isGranted = true;
        }),
    );
    await first.append(...addedRange(A, 1, 100));
    await first.contents(A, { messageCountMax: 5 });
    await hasSeenTurn;
    assert.equal(isGranted, false);
    await first.lease.release();
    await waiting;
  });

  test('release hands over at once, with everything that was appended', async (place) => {
    const first = await place.serveQueues();
    const waiting = place.serve('second');
    await first.append(...addedRange(A, 1, 3), put('s', 'k', 'v'));
    await first.lease.release();
    const second = await waiting;
    assert.ok(second.lease.epoch > first.lease.epoch);
    assert.deepEqual(await second.contents(A), ['1:m1', '2:m2', '3:m3']);
    assert.equal(second.recovered.states.get('s/k'), 'v');
  });

  test('close hands over as release does', async (place) => {
    const first = await place.serveQueues();
    const waiting = place.serve('second');
    await first.append(added('x', [A, 1]));
    await first.store.close();
    assert.deepEqual(await (await waiting).contents(A), ['1:x']);
  });

  test('an abort while waiting leaves the line to the others', async (place) => {
    const first = await place.serveQueues();
    const aborting = new AbortController();
    const leaver = place.open();
    const leaving = leaver.acquire({ owner: 'second', signal: aborting.signal });
    const refusal = begun(rejectsWith('BATON_ABORTED', leaving));
    const third = place.serve('third');
    await first.append(added('x', [A, 1]));
    aborting.abort();
    await refusal;
    await first.lease.release();
    assert.deepEqual(await (await third).contents(A), ['1:x']);
  });

  test('close while waiting ends the wait', async (place) => {
    const first = await place.serveQueues();
    const standby = place.open();
    const refusal = begun(rejectsWith('BATON_CLOSED', standby.acquire({ owner: 'second' })));
    await first.append(added('x', [A, 1]));
    await standby.close();
    await refusal;
    await first.append(added('y', [A, 2]));
  });

  test('a standby can be inspected while another writes', async (place) => {
    const first = await place.serveQueues();
    const standby = place.open();
    const waiting = begun(standby.acquire({ owner: 'second' }));
    await first.append(...addedRange(A, 1, 3));
    assert.equal((await standby.inspect()).isHeldHere, false);
    await first.lease.release();
    await waiting;
  });
}

function testFence(test: Test): void {
  test('after a second acquire the old lease is fenced and changes nothing', async (place) => {
    const first = await place.serveQueues();
    await first.append(added('kept', [A, 1]));
    await place.depose();
    const second = await place.serve('second');
    await rejectsWith('BATON_FENCED', first.append(added('late', [A, 2])));
    assert.deepEqual(await second.contents(A), ['1:kept']);
    await second.append(added('new', [A, 2]));
    const reopened = await place.reopen();
    assert.deepEqual(await reopened.contents(A), ['1:kept', '2:new']);
  });

  test('a fenced lease says so', async (place) => {
    const first = await place.serveQueues();
    await place.depose();
    await place.serve('second');
    await rejectsWith('BATON_FENCED', first.append(added('late', [A, 1])));
    assert.equal((await first.lease.lost).reason, 'fenced');
  });

  test('of appends in flight at a takeover none is answered and then missing', async (place) => {
    const first = await place.serveQueues();
    const outcomes = range(1, 50).map(async (at) => {
      const append = first.append(added(`m${at}`, [A, at]));
      return append.then(
        () => at,
        () => undefined,
      );
    });
    await place.depose();
    const second = await place.serve('second');
    const late = first.append(added('late', [A, 51]));
    await rejectsWith('BATON_FENCED', late);
    const answered = (await Promise.all(outcomes)).filter((at) => at !== undefined);
    const found = (await second.page(A)).map(({ sequence }) => sequence);
    assert.deepEqual(found, range(1, found.length), 'what was stored has no holes');
    assert.ok(
      answered.length <= found.length,
      `${answered.length} answered, ${found.length} there`,
    );
  });

  test('who was fenced may stand in line again', async (place) => {
    const first = await place.serveQueues();
    await place.depose();
    const second = await place.serve('second');
    await rejectsWith('BATON_FENCED', first.append(added('late', [A, 1])));
    const again = begun(serve(first.store, 'first'));
    await second.append(added('x', [A, 1]));
    await second.lease.release();
    const third = await again;
    assert.ok(third.lease.epoch > second.lease.epoch);
    assert.deepEqual(await third.contents(A), ['1:x']);
  });
}
