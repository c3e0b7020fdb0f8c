import { storeConformance, type StoreSuiteOptions } from '@batonmq/store-testkit';
import { expect, test } from 'vitest';
import { FlawedPlace, type Flaw } from './flawed-store.ts';

/** The promise that gives each flaw away. Others may fail with it. */
const GIVEN_AWAY_BY: Readonly<Record<Flaw, string>> = {
  'acks early': 'an append that has resolved outlives a crash',
  'ignores the epoch': 'after a second acquire the old lease is fenced and changes nothing',
  'reorders appends': 'many appends in flight take effect in order',
  'loses the tail': 'each append outlives a crash, also the last of many',
  "keeps the caller's buffer": 'the caller may reuse its buffers when the append has settled',
  'forgets marks': 'marks of producers outlive their messages, until forgotten',
  'resurrects removed messages': 'removed messages stay removed after reopening',
  'lets the sequence go back': 'the next sequence does not go back when every message was removed',
  'tears batches': 'a batch in flight at a crash is there wholly or not at all',
  'stores a copy per target': 'a message of several targets is stored once',
  'forgets redelivery counts': 'messages are there after reopening, with their redelivery counts',
  'hands out its own bytes': 'the reader may change what it has read',
  'settles out of order': 'many appends in flight settle in order, and each is readable then',
  'keeps the lease on close': 'release hands over at once, with everything that was appended',
};

test('a store without a flaw passes', async () => {
  await expect(brokenPromises(undefined)).resolves.toEqual({});
});

for (const flaw of Object.keys(GIVEN_AWAY_BY) as Flaw[]) {
  test(`a store that ${flaw} fails "${GIVEN_AWAY_BY[flaw]}"`, async () => {
    expect(Object.keys(await brokenPromises(flaw))).toContain(GIVEN_AWAY_BY[flaw]);
  });
}

/** Runs every suite; returns the promises that were not kept, with what was found instead. */
async function brokenPromises(flaw: Flaw | undefined): Promise<Record<string, string>> {
  const broken: Record<string, string> = {};
  for (const [promise, run] of registered(flaw)) {
    const outcome = await Promise.race([run().then(() => KEPT, String), stuck()]);
    if (outcome !== KEPT) broken[promise] = outcome;
  }
  return broken;
}

const KEPT = 'kept';

/** Resolves once a test must be hanging: these stores need a turn per append, and no test makes 1000. */
async function stuck(): Promise<string> {
  for (let turn = 0; turn < 1000; turn += 1) await new Promise((resolve) => setImmediate(resolve));
  return 'hangs';
}

function registered(flaw: Flaw | undefined): [string, () => Promise<void>][] {
  const tests: [string, () => Promise<void>][] = [];
  const options: StoreSuiteOptions<FlawedPlace> = {
    test: (promise, run) => tests.push([promise, run]),
    capabilities: { isDurable: true, isShared: true },
    create: () => new FlawedPlace(flaw),
    crash: (place) => {
      place.crash();
    },
    depose: (place) => {
      place.depose();
    },
  };
  storeConformance(options);
  return tests;
}
