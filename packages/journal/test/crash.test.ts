import { simRuntime, simRandom, type SimFault, type SimRuntime } from '@batonmq/runtime/sim';
import { expect, test } from 'vitest';
import type { Journal } from '../src/index.ts';
import { DIRECTORY, fingerprint, open, run, Workload, type RunResult } from './workload.ts';

const SEED = 20;
const APPEND_COUNT = 70;

interface FaultyRun extends RunResult {
  readonly runtime: SimRuntime;
  readonly operationCount: number;
}

/** The workload, with `fault` happening at operation `at`; the machine is left as the fault left it. */
async function runWithFault(at: number, fault: SimFault): Promise<FaultyRun> {
  const runtime = simRuntime(SEED);
  runtime.files.inject = ({ number }) => (number === at ? fault : undefined);
  let journal: Journal | undefined;
  let result: RunResult = {
    states: ['{"destinations":[],"producers":[],"states":[]}'],
    ackedCount: 0,
    refusedCount: 0,
  };
  try {
    journal = await open(runtime, 1);
    result = await run(runtime, journal, new Workload(simRandom(SEED)), APPEND_COUNT);
    await runtime.clock.run(journal.close());
  } catch {
    // The fault met opening or closing; what was acknowledged by then counts.
  }
  await runtime.clock.runUntilIdle(1000);
  runtime.files.inject = () => undefined;
  return { ...result, runtime, operationCount: runtime.files.operationCount };
}

/** Opens what is left and compares it: everything acknowledged, nothing by halves. */
async function check(faulty: FaultyRun, epoch: number, context: string): Promise<string> {
  const journal = await open(faulty.runtime, epoch);
  const found = await faulty.runtime.clock.run(fingerprint(journal));
  const known = faulty.states.lastIndexOf(found);
  expect(known, `${context}: the contents are those after one of the appends`).not.toBe(-1);
  expect(known, `${context}: everything acknowledged is there`).toBeGreaterThanOrEqual(
    faulty.ackedCount,
  );
  return found;
}

/** Lets go of the journal as a dead process does, and loses what was not synced. */
async function checkTwice(faulty: FaultyRun, survival: number, context: string): Promise<void> {
  const { runtime } = faulty;
  runtime.files.losePower(survival);
  const found = await check(faulty, 2, context);
  runtime.files.losePower(0);
  // What the first opening served must not go away with the next power loss.
  const again = await open(runtime, 3);
  expect(await runtime.clock.run(fingerprint(again)), context).toBe(found);
}

const whole = await runWithFault(0, 'crash');

test('the workload is acknowledged whole when nothing fails, and rolls and writes checkpoints', async () => {
  expect(whole.ackedCount).toBeGreaterThanOrEqual(APPEND_COUNT);
  const names = await whole.runtime.clock.run(whole.runtime.files.list(DIRECTORY));
  expect(names.filter((name) => name.endsWith('.checkpoint')).length).toBe(2);
  expect(names.filter((name) => name.endsWith('.segment')).length).toBeGreaterThan(3);
});

test('power loss at any operation keeps what was acknowledged, whatever else survives', async () => {
  for (let at = 1; at <= whole.operationCount; at += 1) {
    const faulty = await runWithFault(at, 'crash');
    await checkTwice(faulty, [0, 0.5, 1][at % 3] ?? 0, `crash at operation ${at}`);
  }
}, 120_000);

test('an I/O error at any operation loses nothing, also when the failed pages look clean', async () => {
  for (let at = 1; at <= whole.operationCount; at += 1) {
    const faulty = await runWithFault(at, 'EIO');
    const context = `EIO at operation ${at}`;
    faulty.runtime.files.restart();
    const found = await check(faulty, 2, context);
    faulty.runtime.files.losePower(0);
    const again = await open(faulty.runtime, 3);
    expect(await faulty.runtime.clock.run(fingerprint(again)), context).toBe(found);
  }
}, 120_000);

test('a full disk at any operation refuses or goes on, and loses nothing', async () => {
  for (let at = 1; at <= whole.operationCount; at += 1) {
    const faulty = await runWithFault(at, 'ENOSPC');
    await checkTwice(faulty, 0.5, `ENOSPC at operation ${at}`);
  }
}, 120_000);
