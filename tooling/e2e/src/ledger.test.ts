import { expect, test } from 'vitest';
import { Ledger, type MessageName } from './ledger.ts';

const message = (count: number): MessageName => ({ queue: 'q', producer: 'p', count });

/** A ledger of answered messages 1 to `count`. */
function answered(count: number): Ledger {
  const ledger = new Ledger();
  for (let index = 1; index <= count; index += 1) {
    ledger.sent(message(index));
    ledger.answered(message(index));
  }
  return ledger;
}

function faults(ledger: Ledger): Record<string, readonly string[]> {
  const { lost, partial, duplicated, reordered } = ledger.verdict();
  return { lost, partial, duplicated, reordered };
}

const NONE = { lost: [], partial: [], duplicated: [], reordered: [] };

test('an answered message that nobody got is lost', () => {
  const ledger = answered(2);
  ledger.received(message(1));
  expect(ledger.missingCount).toBe(1);
  expect(faults(ledger)).toEqual({ ...NONE, lost: ['q/p/2'] });
});

test('a message in doubt may be there or not', () => {
  const ledger = new Ledger();
  ledger.sent(message(1));
  expect(faults(ledger)).toEqual(NONE);
  ledger.received(message(1));
  ledger.answered(message(1));
  expect(ledger.missingCount).toBe(0);
  expect(faults(ledger)).toEqual(NONE);
});

test('a second receipt is a redelivery before the ack was answered and a duplicate after it', () => {
  const ledger = answered(1);
  ledger.received(message(1));
  ledger.received(message(1));
  expect(faults(ledger)).toEqual(NONE);
  expect(ledger.verdict().redeliveredCount).toBe(1);
  ledger.acked(message(1));
  ledger.received(message(1));
  expect(faults(ledger)).toEqual({ ...NONE, duplicated: ['q/p/1'] });
});

test('only first receipts count for the order', () => {
  const ledger = answered(3);
  for (const count of [1, 2, 1, 2]) ledger.received(message(count));
  expect(ledger.verdict().reordered).toEqual([]);
  const other = answered(3);
  for (const count of [1, 3, 2]) other.received(message(count));
  expect(other.verdict().reordered).toEqual(['q/p/2']);
});

test('a transaction arrives whole or not at all, whatever its outcome', () => {
  const ledger = new Ledger();
  for (const count of [1, 2]) ledger.sent(message(count), 'tx');
  expect(faults(ledger)).toEqual(NONE);
  ledger.received(message(1));
  expect(ledger.verdict().partial).toEqual(['q/p/1', 'q/p/2']);
  ledger.received(message(2));
  expect(faults(ledger)).toEqual(NONE);
});

test('nothing of a rolled back transaction arrives', () => {
  const ledger = new Ledger();
  ledger.sent(message(1), 'tx');
  ledger.rolledBack(message(1));
  ledger.received(message(1));
  expect(ledger.verdict().partial).toEqual(['q/p/1']);
});
