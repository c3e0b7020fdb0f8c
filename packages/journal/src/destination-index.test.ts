import fc from 'fast-check';
import { expect, test } from 'vitest';
import { DestinationIndex, type MessagePlace } from './destination-index.ts';

const place = (offset: number): MessagePlace => ({ segment: 1, offset, payloadBytes: offset % 97 });

// Close together and far apart, so that chunks are grown, dropped, skipped and made again.
const sequences = fc.oneof(fc.integer({ min: 1, max: 60 }), fc.integer({ min: 900, max: 9_000 }));
const commands = fc.array(fc.tuple(fc.constantFrom('set', 'remove', 'snapshot'), sequences), {
  maxLength: 200,
});

test('has the places that a plain map has, whatever is set and removed', () => {
  fc.assert(
    fc.property(commands, (steps) => {
      const index = new DestinationIndex('queue://A');
      const model = new Map<number, MessagePlace>();
      for (const [step, [kind, sequence]] of steps.entries()) {
        if (kind === 'set') {
          expect(index.set(sequence, place(step))).toEqual(model.get(sequence));
          model.set(sequence, place(step));
        } else if (kind === 'remove') {
          expect(index.remove(sequence)).toEqual(model.get(sequence));
          model.delete(sequence);
        }
      }
      const sorted = [...model].sort(([a], [b]) => a - b);
      expect([...index.entries(0)]).toEqual(sorted);
      expect(index.messageCount).toBe(model.size);
      expect(index.messageBytes).toBe(sorted.reduce((sum, [, one]) => sum + one.payloadBytes, 0));
      expect(index.firstSequence).toBe(sorted[0]?.[0] ?? index.nextSequence);
    }),
  );
});

test('a snapshot stays what it was while the index changes', () => {
  fc.assert(
    fc.property(commands, commands, (before, after) => {
      const index = new DestinationIndex('queue://A');
      const apply = (steps: typeof before): void => {
        for (const [step, [kind, sequence]] of steps.entries()) {
          if (kind === 'set') index.set(sequence, place(step));
          else index.remove(sequence);
        }
      };
      apply(before);
      const expected = [...index.entries(0)];
      const snapshot = index.snapshot();
      apply(after);
      const restored = new DestinationIndex('queue://A');
      for (const chunk of snapshot) restored.restore(chunk);
      expect([...restored.entries(0)]).toEqual(expected);
      expect(restored.messageCount).toBe(expected.length);
    }),
  );
});

test('keeps 12 bytes a message, and nothing of what is gone', () => {
  const index = new DestinationIndex('queue://A');
  const bytes = (): number =>
    index.snapshot().reduce((sum, { places }) => sum + places.byteLength, 0);
  for (let sequence = 1; sequence <= 102_400; sequence += 1) index.set(sequence, place(sequence));
  expect(bytes() / index.messageCount).toBeLessThan(12.2);
  for (let sequence = 1; sequence <= 102_400; sequence += 1) index.remove(sequence);
  expect(bytes()).toBe(0);
});
