/**
 * Question: what does a selector cost per message?
 * Workload: one message with five properties, decoded; selectors from the simplest to a long list.
 * Leaves out: decoding the properties of a message, which is done once for all selectors of a queue.
 * Run with `npx vitest bench packages/selector`; one turn is 1000 matches.
 */
import { parseSelector, type SelectorValue } from '@batonmq/selector';
import { bench, describe } from 'vitest';

const properties = new Map<string, SelectorValue>([
  ['region', { kind: 'string', value: 'north' }],
  ['kind', { kind: 'string', value: 'order' }],
  ['amount', { kind: 'int', value: 250 }],
  ['price', { kind: 'double', value: 9.5 }],
  ['urgent', { kind: 'boolean', value: true }],
]);
const message = { value: (name: string) => properties.get(name) };
const ids = Array.from({ length: 1000 }, (_, index) => `'id-${index}'`).join(', ');

describe('1000 matches of', () => {
  const texts = [
    "region = 'north'",
    'amount > 100',
    "region = 'south' OR amount BETWEEN 200 AND 300 AND urgent",
    "kind LIKE 'or%r'",
    'amount * price > 2000',
  ];
  for (const text of [...texts, `region IN (${ids})`]) {
    const selector = parseSelector(text);
    bench(text.slice(0, 60), () => {
      for (let count = 0; count < 1000; count++) selector.matches(message);
    });
  }
  bench("parsing region = 'north' AND amount > 100", () => {
    for (let count = 0; count < 1000; count++) parseSelector("region = 'north' AND amount > 100");
  });
});
