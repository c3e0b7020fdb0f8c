import { destination } from '@batonmq/model';
import { expect, test } from 'vitest';
import { splitProducerOptions } from './named-options.ts';

test('options are taken out of the name of a destination', () => {
  const target = destination('queue', 'A?producer.windowSize=1024&producer.dispatchAsync=true');
  expect(splitProducerOptions(target)).toEqual({
    to: destination('queue', 'A'),
    options: { windowBytes: 1024 },
  });
});

test('what the name says about consumers is left to them', () => {
  const target = destination('topic', 'A?consumer.priority=5');
  expect(splitProducerOptions(target)).toEqual({ to: destination('topic', 'A'), options: {} });
});

test('a name without options is left as it is', () => {
  const target = destination('queue', 'A.B');
  expect(splitProducerOptions(target).to).toBe(target);
});

test.each([
  'producer.colour=red',
  'windowSize=5',
  'producer.windowSize=-1',
  'producer.dispatchAsync=1',
])('%s is refused', (option) => {
  expect(() => splitProducerOptions(destination('queue', `A?${option}`))).toThrow(
    expect.objectContaining({ code: 'BATON_INVALID_OPTION' }),
  );
});
