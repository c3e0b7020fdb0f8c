import { expect, test } from 'vitest';
import { Cron } from './cron.ts';

/** Wednesday, in whichever zone the test runs. */
const NOW = new Date(2031, 0, 15, 10, 30, 20).getTime();

const NEXT: [cron: string, ...date: [number, number, number, number, number]][] = [
  ['* * * * *', 2031, 0, 15, 10, 31],
  ['30 10 * * *', 2031, 0, 16, 10, 30],
  ['0 * * * *', 2031, 0, 15, 11, 0],
  ['*/20 * * * *', 2031, 0, 15, 10, 40],
  ['7,50 9-11 * * *', 2031, 0, 15, 10, 50],
  ['10-50/15 * * * *', 2031, 0, 15, 10, 45],
  ['0 0 1 * *', 2031, 1, 1, 0, 0],
  ['0 0 * * 0', 2031, 0, 19, 0, 0],
  ['0 12 * 3,6 1-5', 2031, 2, 3, 12, 0],
  ['0 0 31 * *', 2031, 0, 31, 0, 0],
  ['0 0 29 2 *', 2032, 1, 29, 0, 0],
  ['0 0 20 * 5', 2031, 0, 17, 0, 0],
  ['0 0 16 * 0', 2031, 0, 16, 0, 0],
];

test.each(NEXT)(
  '"%s" comes next at %i-%i-%i %i:%i',
  (cron, ...[year, month, day, hour, minute]) => {
    expect(new Cron(cron).next(NOW)).toBe(new Date(year, month, day, hour, minute).getTime());
  },
);

test('a time is not its own next time', () => {
  const cron = new Cron('30 10 * * *');
  const first = cron.next(NOW) ?? 0;
  expect(cron.next(first)).toBe(new Date(2031, 0, 17, 10, 30).getTime());
});

test('a leap day is found eight years ahead', () => {
  const after = new Date(2096, 2, 1).getTime();
  expect(new Cron('0 0 29 2 *').next(after)).toBe(new Date(2104, 1, 29).getTime());
});

test.each(['0 0 31 2 *', '0 0 31 4,6,9,11 *'])('"%s" never comes', (cron) => {
  expect(new Cron(cron).next(NOW)).toBeUndefined();
});

test.each([
  ['* * * *', 'it has 4 fields; 5 are needed'],
  ['', 'it has 1 fields; 5 are needed'],
  ['60 * * * *', '"60" is no minute from 0 to 59'],
  ['* 5-2 * * *', '"5-2" is no hour from 0 to 23'],
  ['* * 0 * *', '"0" is no day of the month from 1 to 31'],
  ['* * * JAN *', '"JAN" is no month from 1 to 12'],
  ['* * * * 7', '"7" is no day of the week from 0 to 6'],
  ['*/0 * * * *', '"*/0" is no minute from 0 to 59'],
  ['1,,2 * * * *', '"1,,2" is no minute from 0 to 59'],
])('"%s" is refused, and the field named', (cron, why) => {
  expect(() => new Cron(cron)).toThrow(`"${cron}" is no cron entry: ${why}`);
});
