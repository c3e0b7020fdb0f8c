import assert from 'node:assert/strict';
import type { RecoveredDestination } from '@batonmq/store-spi';
import {
  A,
  added,
  addedRange,
  B,
  bytesOf,
  marked,
  put,
  QUEUES,
  range,
  redelivered,
  removed,
  testsOn,
} from './place-under-test.ts';
import type { StorePlace, StoreSuiteOptions } from './suite-options.ts';

/**
 * What a broker finds when it opens a place again, in order or after a crash. Runs for stores that are
 * durable or shared: the others have nothing to find.
 */
export function storeReopenSuite<Place extends StorePlace>(
  options: StoreSuiteOptions<Place>,
): void {
  const { isDurable, isShared } = options.capabilities;
  if (!isDurable && !isShared) return;
  const test = testsOn(options);

  test('an empty place recovers nothing', async (place) => {
    await place.serve();
    const { recovered } = await place.reopen();
    assert.equal(recovered.destinations.size, 0);
    assert.equal(recovered.producers.size, 0);
    assert.equal(recovered.states.size, 0);
  });

  test('messages are there after reopening, with their redelivery counts', async (place) => {
    const broker = await place.serveQueues();
    await broker.append(...addedRange(A, 1, 3), redelivered(A, 2, 5));
    const reopened = await place.reopen();
    assert.deepEqual(await reopened.contents(A), ['1:m1', '2:m2', '3:m3']);
    const counts = (await reopened.page(A)).map((read) => read.redeliveryCount);
    assert.deepEqual(counts, [0, 5, 0]);
  });

  test('removed messages stay removed after reopening', async (place) => {
    const broker = await place.serveQueues();
    await broker.append(...addedRange(A, 1, 5), added('shared', [A, 6], [B, 1]));
    await broker.append(removed(A, 2), removed(A, 6));
    const reopened = await place.reopen();
    assert.deepEqual(await reopened.contents(A), ['1:m1', '3:m3', '4:m4', '5:m5']);
    assert.deepEqual(await reopened.contents(B), ['1:shared']);
  });

  test('counts, bytes and sequences of a destination are recovered', async (place) => {
    const broker = await place.serveQueues();
    await broker.append(added('12345', [A, 1]), added('123', [A, 4]), added('1', [A, 9]));
    await broker.append(removed(A, 1));
    await broker.append(added('both', [A, 12], [B, 7]));
    const { recovered } = await place.reopen();
    assert.deepEqual(figuresOf(recovered.destinations.get('queue://A')), [1, 3, 8, 4, 13]);
    assert.deepEqual(figuresOf(recovered.destinations.get('queue://B')), [2, 1, 4, 7, 8]);
  });

  test('a destination without a message is recovered', async (place) => {
    await place.serveQueues();
    const { recovered } = await place.reopen();
    assert.deepEqual(figuresOf(recovered.destinations.get('queue://A')), [1, 0, 0, 1, 1]);
  });

  test('the next sequence does not go back when every message was removed', async (place) => {
    const broker = await place.serveQueues();
    await broker.append(...addedRange(A, 1, 10));
    await broker.append(...range(1, 10).map((at) => removed(A, at)));
    const once = await place.reopen();
    assert.deepEqual(figuresOf(once.recovered.destinations.get('queue://A')), [1, 0, 0, 11, 11]);
    const twice = await place.reopen();
    assert.deepEqual(figuresOf(twice.recovered.destinations.get('queue://A')), [1, 0, 0, 11, 11]);
  });

  test('a removed destination stays removed after reopening', async (place) => {
    const broker = await place.serveQueues();
    await broker.append(added('x', [A, 5], [B, 1]));
    await broker.append({ type: 'destination-removed', destination: A });
    const reopened = await place.reopen();
    assert.deepEqual([...reopened.recovered.destinations.keys()], ['queue://B']);
    assert.deepEqual(await reopened.contents(B), ['1:x']);
    assert.deepEqual(await reopened.contents(A), []);
  });

  test('a destination whose number came back is the new one after reopening', async (place) => {
    const broker = await place.serveQueues();
    await broker.append(...addedRange(A, 1, 5));
    await broker.append(
      { type: 'destination-removed', destination: A },
      { type: 'destination-added', destination: A, key: 'queue://C' },
    );
    await broker.append(added('new', [A, 1]));
    const reopened = await place.reopen();
    assert.deepEqual([...reopened.recovered.destinations.keys()].sort(), [
      'queue://B',
      'queue://C',
    ]);
    assert.deepEqual(await reopened.contents(A), ['1:new']);
  });

  test('marks of producers outlive their messages, until forgotten', async (place) => {
    const broker = await place.serveQueues();
    await broker.append(added('x', [A, 1]), marked('p', 1), marked('q', 8), marked('r', 2));
    await broker.append(marked('p', 3), removed(A, 1));
    await broker.append({ type: 'producer-forgotten', producer: 'r' });
    const { recovered } = await place.reopen();
    assert.deepEqual([...recovered.producers].sort(), [
      ['p', 3],
      ['q', 8],
    ]);
  });

  test('keyed state is recovered as it was put last', async (place) => {
    const broker = await place.serve();
    await broker.append(put('s', 'a', '1'), put('s', 'b', '2'), put('t', 'a', '3'));
    await broker.append(put('s', 'a', 'newer'), put('t', 'c', ''), put('s', 'gone', 'x'));
    await broker.append({ type: 'state-removed', space: 's', key: 'gone' });
    const { recovered } = await place.reopen();
    assert.deepEqual([...recovered.states].sort(), [
      ['s/a', 'newer'],
      ['s/b', '2'],
      ['t/a', '3'],
      ['t/c', ''],
    ]);
  });

  test('the caller may reuse the buffer of a state when the append has settled', async (place) => {
    const broker = await place.serve();
    const value = bytesOf('before');
    await broker.append({ type: 'state-put', space: 's', key: 'k', value });
    value.fill(0);
    const { recovered } = await place.reopen();
    assert.equal(recovered.states.get('s/k'), 'before');
  });

  test('what several epochs wrote is recovered once and in order', async (place) => {
    const first = await place.serveQueues();
    await first.append(added('one', [A, 1]), added('two', [A, 2]));
    const second = await place.reopen();
    await second.append(added('three', [A, 3]), removed(A, 1));
    const third = await place.reopen();
    await third.append(added('four', [A, 4]), removed(A, 3));
    const last = await place.reopen();
    assert.deepEqual(await last.contents(A), ['2:two', '4:four']);
    assert.deepEqual(figuresOf(last.recovered.destinations.get('queue://A')), [1, 2, 7, 2, 5]);
  });

  test('appends that were not waited for are there after an orderly close', async (place) => {
    const broker = await place.serve();
    const appends = [broker.append(...QUEUES), broker.append(...addedRange(A, 1, 20))];
    const [reopened] = await Promise.all([place.reopen(), ...appends]);
    assert.equal((await reopened.contents(A)).length, 20);
  });
}

function figuresOf(recovered: RecoveredDestination | undefined): readonly unknown[] {
  const { destination, messageCount, messageBytes, firstSequence, nextSequence } = recovered ?? {};
  return [destination, messageCount, messageBytes, firstSequence, nextSequence];
}
