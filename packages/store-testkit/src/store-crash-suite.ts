import assert from 'node:assert/strict';
import {
  A,
  added,
  addedRange,
  B,
  marked,
  put,
  range,
  redelivered,
  removed,
  testsOn,
} from './place-under-test.ts';
import type { StorePlace, StoreSuiteOptions } from './suite-options.ts';

/** What is there after the power was cut. Runs for durable stores. */
export function storeCrashSuite<Place extends StorePlace>(options: StoreSuiteOptions<Place>): void {
  if (!options.capabilities.isDurable) return;
  const test = testsOn(options);

  test('a durable store lets the suite crash it', () => {
    assert.ok(options.crash, 'pass `crash`: durability cannot be tested without it');
    return Promise.resolve();
  });

  test('an append that has resolved outlives a crash', async (place) => {
    const broker = await place.serveQueues();
    await broker.append(added('x', [A, 1]), marked('p', 4), put('s', 'k', 'v'));
    const restarted = await place.crash();
    assert.deepEqual(await restarted.contents(A), ['1:x']);
    assert.equal(restarted.recovered.producers.get('p'), 4);
    assert.equal(restarted.recovered.states.get('s/k'), 'v');
  });

  test('each append outlives a crash, also the last of many', async (place) => {
    const broker = await place.serveQueues();
    await Promise.all(range(1, 60).map((at) => broker.append(added(`m${at}`, [A, at]))));
    const restarted = await place.crash();
    assert.equal((await restarted.contents(A)).length, 60);
    assert.equal(restarted.recovered.destinations.get('queue://A')?.nextSequence, 61);
  });

  test('removals and redelivery counts outlive a crash', async (place) => {
    const broker = await place.serveQueues();
    await broker.append(...addedRange(A, 1, 3));
    await broker.append(removed(A, 1), redelivered(A, 2, 2));
    const restarted = await place.crash();
    const page = await restarted.page(A);
    assert.deepEqual(
      page.map((read) => [read.sequence, read.redeliveryCount]),
      [
        [2, 2],
        [3, 0],
      ],
    );
  });

  test('the next sequence does not go back in a crash', async (place) => {
    const broker = await place.serveQueues();
    await broker.append(...addedRange(A, 1, 10));
    await broker.append(...range(1, 10).map((at) => removed(A, at)));
    const restarted = await place.crash();
    assert.equal(restarted.recovered.destinations.get('queue://A')?.nextSequence, 11);
  });

  test('the epoch does not go back in a crash', async (place) => {
    const first = await place.serve();
    const second = await place.crash();
    const third = await place.crash();
    assert.ok(first.lease.epoch < second.lease.epoch);
    assert.ok(second.lease.epoch < third.lease.epoch);
  });

  test('a batch in flight at a crash is there wholly or not at all', async (place) => {
    const broker = await place.serveQueues();
    await broker.append(added('taken', [A, 1]));
    const move = broker.append(removed(A, 1), added('moved', [B, 1]), put('s', 'moved', 'yes'));
    const outcome = move.catch(() => undefined);
    const restarted = await place.crash();
    const found = {
      A: await restarted.contents(A),
      B: await restarted.contents(B),
      state: restarted.recovered.states.get('s/moved'),
    };
    const before = { A: ['1:taken'], B: [], state: undefined };
    const after = { A: [], B: ['1:moved'], state: 'yes' };
    assert.deepEqual(found, found.state === undefined ? before : after);
    void outcome;
  });

  test('of appends in flight at a crash the first ones are there, without a hole', async (place) => {
    const broker = await place.serveQueues();
    let answered = 0;
    for (const at of range(1, 40)) {
      broker.append(added(`m${at}`, [A, at])).then(
        () => (answered += 1),
        () => undefined,
      );
      if (at === 20) await broker.append(put('s', 'half', 'way'));
    }
    const answeredBefore = answered;
    const restarted = await place.crash();
    const found = (await restarted.page(A)).map(({ sequence }) => sequence);
    assert.deepEqual(found, range(1, found.length));
    assert.ok(found.length >= answeredBefore, `${answeredBefore} answered, ${found.length} there`);
  });

  test('work goes on after a crash, and outlives the next', async (place) => {
    const broker = await place.serveQueues();
    await broker.append(...addedRange(A, 1, 3));
    const second = await place.crash();
    await second.append(added('m4', [A, 4]), removed(A, 1));
    const third = await place.crash();
    assert.deepEqual(await third.contents(A), ['2:m2', '3:m3', '4:m4']);
  });
}
