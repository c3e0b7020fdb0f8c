import { expect, test } from 'vitest';
import { parseOptions } from './options.ts';

test('the separator of a package manager is not an argument', () => {
  const settings = parseOptions(['--', '--workloads', 'W1,W2-250', '--runs', '7']);
  expect(settings.workloads.map(({ id }) => id)).toEqual(['W1', 'W2-250']);
  expect(settings.workloads[1]?.shape.window).toBe(250);
  expect(settings.runs).toBe(7);
});

test('all problems are told at once', () => {
  const parse = (): unknown =>
    parseOptions(['--workloads', 'W1,W11', '--brokers', 'kafka', '--size', '7', '--runs', 'many']);
  expect(parse).toThrow(/no workload W11/);
  expect(parse).toThrow(/no kafka/);
  expect(parse).toThrow(/--size must be .* not 7/);
  expect(parse).toThrow(/--runs must be .* not many/);
});
