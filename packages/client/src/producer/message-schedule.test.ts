import { expect, test } from 'vitest';
import { int, long } from '../message/typed-value.ts';
import { withSchedule, type MessageSchedule } from './message-schedule.ts';

test('a schedule becomes properties with the types that ActiveMQ’s client gives them', () => {
  const schedule = { delayMs: 1000, periodMs: 2000, repeatCount: 3, cron: '0 * * * *' };
  expect(withSchedule({ text: 'x', properties: { colour: 'red' } }, schedule)).toEqual({
    text: 'x',
    properties: {
      colour: 'red',
      AMQ_SCHEDULED_DELAY: long(1000),
      AMQ_SCHEDULED_PERIOD: long(2000),
      AMQ_SCHEDULED_REPEAT: int(3),
      AMQ_SCHEDULED_CRON: '0 * * * *',
    },
  });
});

test('a text and bytes are scheduled too', () => {
  const properties = { AMQ_SCHEDULED_DELAY: long(0) };
  expect(withSchedule('x', { delayMs: 0 })).toEqual({ text: 'x', properties });
  const bytes = new Uint8Array([1]);
  expect(withSchedule(bytes, { delayMs: 0 })).toEqual({ bytes, properties });
});

test.each<[MessageSchedule, string]>([
  [{}, 'A schedule names a time'],
  [{ repeatCount: 1 }, 'A schedule names a time'],
  [{ delayMs: -1 }, 'delayMs of a schedule must be a whole number from 0 up, not -1'],
  [{ periodMs: 0.5 }, 'periodMs of a schedule must be a whole number from 0 up, not 0.5'],
])('%j is refused', (schedule, why) => {
  expect(() => withSchedule('x', schedule)).toThrow(why);
});
