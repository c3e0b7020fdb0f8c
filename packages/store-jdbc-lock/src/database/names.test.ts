import { expect, test } from 'vitest';
import { hashOf, hashOfProducer } from './names.ts';

test('the hash of a producer is that of its name, however many there are and however long they are', () => {
  const names = Array.from({ length: 5_000 }, (_, index) => `ID:host-${index}`);
  names.push('', 'x'.repeat(100_000));
  for (const name of [...names, ...names]) expect(hashOfProducer(name)).toBe(hashOf(name));
});
