import fc from 'fast-check';
import { expect, test } from 'vitest';
import { parseSelector } from '@batonmq/selector';
import { properties, selectorText, tokenHeap } from './arbitrary-selectors.ts';
import { referenceSelector } from './reference-engine.ts';

/** Whether each of the two takes the text, and if both do, whether they match the message. */
function verdict(parse: () => () => boolean): boolean | 'invalid' {
  let matches: () => boolean;
  try {
    matches = parse();
  } catch {
    return 'invalid';
  }
  return matches();
}

test.each([
  { texts: 'selectors', arbitrary: selectorText, numRuns: 5000 },
  { texts: 'heaps of tokens', arbitrary: tokenHeap, numRuns: 5000 },
])('$texts are read as by a generated parser', ({ arbitrary, numRuns }) => {
  fc.assert(
    fc.property(arbitrary, properties, (text, message) => {
      const our = verdict(() => {
        const selector = parseSelector(text);
        return () => selector.matches({ value: (name) => message.get(name) });
      });
      const their = verdict(() => {
        const matches = referenceSelector(text);
        return () => matches(message);
      });
      expect(our).toBe(their);
    }),
    { numRuns },
  );
});
