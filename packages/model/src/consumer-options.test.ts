import { expect, test } from 'vitest';
import { splitConsumerOptions } from './consumer-options.ts';
import { destination, parseDestination } from './destination.ts';

test('options are taken out of the name of a destination', () => {
  const target = parseDestination(
    "A,B?consumer.priority=-5&consumer.selector=region%20%3D+'north'&consumer.dispatchAsync=true",
  );
  expect(splitConsumerOptions(target)).toEqual({
    destination: destination('queue', 'A,B'),
    options: { priority: -5, selector: "region = 'north'" },
  });
});

test('a name without options is left as it is', () => {
  const target = destination('topic', 'A.B');
  const split = splitConsumerOptions(target);
  expect(split.destination).toBe(target);
  expect(split.options).toEqual({});
});

test('what the name says about producers is left to them', () => {
  const target = destination('queue', 'A?producer.windowSize=5&consumer.priority=1');
  expect(splitConsumerOptions(target)).toEqual({
    destination: destination('queue', 'A'),
    options: { priority: 1 },
  });
});

test.each([
  ['exclusive=true', { exclusive: true }],
  ['prefetchSize=0', { prefetchSize: 0 }],
  ['noLocal=false', { noLocal: false }],
  ['retroactive=true', { retroactive: true }],
  ['subscriptionName=s', { subscriptionName: 's' }],
  ['maximumPendingMessageLimit=5', { maximumPendingMessageLimit: 5 }],
])('consumer.%s is understood', (option, options) => {
  const target = destination('queue', `A?consumer.${option}`);
  expect(splitConsumerOptions(target).options).toEqual(options);
});

test.each([
  ['consumer.colour=red', 'BATON_INVALID_OPTION'],
  ['priority=5', 'BATON_INVALID_OPTION'],
  ['consumer.priority=128', 'BATON_INVALID_OPTION'],
  ['consumer.exclusive=yes', 'BATON_INVALID_OPTION'],
  ['consumer.exclusive=true&consumer.exclusive=false', 'BATON_INVALID_OPTION'],
  ['consumer.maximumPendingMessageLimit=-1', 'BATON_INVALID_OPTION'],
])('%s is refused', (option, code) => {
  const split = (): unknown => splitConsumerOptions(destination('queue', `A?${option}`));
  expect(split).toThrow(expect.objectContaining({ code }));
});
