import { expect, test } from 'vitest';
import { parseBrokerUri } from './broker-uri.ts';
import { decimal, flag, resolveUriOptions, wholeNumber, words } from './uri-options.ts';

const TABLE = {
  maxReconnectDelay: wholeNumber(30_000),
  maxReconnectAttempts: wholeNumber(-1, { min: -1 }),
  reconnectDelayExponent: decimal(2, { min: 1 }),
  randomize: flag(true),
  priorityURIs: words(''),
} as const;

function resolve(query: string): unknown {
  return resolveUriOptions(
    TABLE,
    parseBrokerUri(`failover:(tcp://a:1)?${query}`).query,
    'failover:',
  );
}

test('what is not given has its default', () => {
  expect(resolve('')).toEqual({
    maxReconnectDelay: 30_000,
    maxReconnectAttempts: -1,
    reconnectDelayExponent: 2,
    randomize: true,
    priorityURIs: '',
  });
});

test('each kind is read as its type, the last of equal names counts', () => {
  expect(
    resolve('maxReconnectDelay=1&maxReconnectDelay=5&randomize=FALSE&reconnectDelayExponent=1.5'),
  ).toMatchObject({ maxReconnectDelay: 5, randomize: false, reconnectDelayExponent: 1.5 });
});

test('an unknown option is refused with the name that was probably meant', () => {
  expect(() => resolve('maxReconectDelay=1')).toThrow(
    /there is no option "maxReconectDelay" \(at character 22\); did you mean "maxReconnectDelay"\?/,
  );
  expect(() => resolve('colour=red')).toThrow(/there is no option "colour" \(at character 22\)$/);
});

test("a name of an object's own machinery is not an option", () => {
  expect(() => resolve('constructor=1')).toThrow(/no option "constructor"/);
});

test('all problems are reported at once', () => {
  expect(() =>
    resolve(
      'randomize=yes&maxReconnectDelay=-1&maxReconnectAttempts=1.5&reconnectDelayExponent=&x=1',
    ),
  ).toThrow(
    expect.objectContaining({
      code: 'BATON_INVALID_OPTION',
      details: expect.objectContaining({ problems: 5 }) as unknown,
    }) as Error,
  );
});
