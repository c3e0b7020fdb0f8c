import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { brokerUris, withoutPositions } from '../test/uri-arbitraries.ts';
import { formatBrokerUri, parseBrokerUri, takePrefixed, withOptions } from './broker-uri.ts';

/** The text forms of a composite's components. */
function components(text: string): string[] {
  const uri = parseBrokerUri(text);
  if (uri.kind !== 'composite') throw new Error(`${text} is simple`);
  return uri.components.map(formatBrokerUri);
}

function options(text: string): Record<string, string> {
  return Object.fromEntries(parseBrokerUri(text).query.map(({ name, value }) => [name, value]));
}

describe('the forms of a failover URI', () => {
  const members = ['tcp://a:1', 'tcp://b:2'];

  test.each([
    ['failover:(tcp://a:1,tcp://b:2)'],
    ['failover://(tcp://a:1,tcp://b:2)'],
    ['failover:tcp://a:1,tcp://b:2'],
    ['failover://tcp://a:1,tcp://b:2'],
    ['FAILOVER:( tcp://a:1 ,\n  tcp://b:2 )'],
    ['failover:(tcp://a:1,tcp://b:2)/path?randomize=false#fragment'],
  ])('%s names both brokers', (text) => {
    expect(components(text)).toEqual(members);
  });

  test('options after the closing bracket belong to the list', () => {
    expect(options('failover:(tcp://a:1)?randomize=false&maxReconnectDelay=5')).toEqual({
      randomize: 'false',
      maxReconnectDelay: '5',
    });
  });

  test('without brackets an option belongs to the last component', () => {
    const text = 'failover:tcp://a:1,tcp://b:2?randomize=false';
    expect(options(text)).toEqual({});
    expect(components(text)).toEqual(['tcp://a:1', 'tcp://b:2?randomize=false']);
  });

  test('a component keeps its own query', () => {
    const text = 'failover:(tcp://a:1?wireFormat.maxInactivityDuration=5,tcp://b:2)?backup=true';
    expect(components(text)).toEqual(['tcp://a:1?wireFormat.maxInactivityDuration=5', 'tcp://b:2']);
    expect(options(text)).toEqual({ backup: 'true' });
  });

  test('commas inside of nested brackets do not split', () => {
    const text = 'static:(failover:(tcp://a:1,tcp://b:2)?maxReconnectAttempts=0,tcp://c:3)';
    expect(components(text)).toEqual([
      'failover:(tcp://a:1,tcp://b:2)?maxReconnectAttempts=0',
      'tcp://c:3',
    ]);
  });

  test('an empty list is a list', () => {
    expect(components('failover:()?updateURIsURL=file:members.txt')).toEqual([]);
  });

  test('values are decoded', () => {
    expect(options('failover:(tcp://a:1)?priorityURIs=tcp://a:1%2Ctcp://b:2')).toEqual({
      priorityURIs: 'tcp://a:1,tcp://b:2',
    });
  });

  test('an IPv6 address keeps its brackets', () => {
    expect(components('failover:(tcp://[::1]:61616)')).toEqual(['tcp://[::1]:61616']);
  });
});

describe('what is wrong is named with its position', () => {
  test.each([
    ['', 0],
    ['tcp', 0],
    ['://a:1', 0],
    ['tcp:', 4],
    ['tcp://', 4],
    ['tcp://a b:1', 7],
    ['tcp://a:1,tcp://b:2', 9],
    ['failover:(tcp://a:1', 9],
    ['failover:tcp://a:1)', 18],
    ['failover:((tcp://a:1)', 9],
    ['failover:(tcp://a:1,,tcp://b:2)', 20],
    ['failover:(tcp://a:1,)', 20],
    ['failover:(tcp://a:1)x', 20],
    ['failover:', 9],
    ['failover:(tcp://a:1)?=5', 21],
    ['failover:(tcp://a:1)?a=%zz', 23],
  ])('%j at %i', (text, position) => {
    expect(() => parseBrokerUri(text)).toThrow(
      expect.objectContaining({
        code: 'BATON_INVALID_URI',
        details: expect.objectContaining({ position }) as unknown,
      }) as Error,
    );
  });

  test('lists that nest without end are refused', () => {
    const text = 'static:('.repeat(5000) + 'tcp://a:1' + ')'.repeat(5000);
    expect(() => parseBrokerUri(text)).toThrow(/nest deeper than 16/);
  });

  test('any text is parsed or refused with BATON_INVALID_URI', () => {
    const pieces = fc.array(
      fc.constantFrom(
        'failover:',
        'tcp://a:1',
        '(',
        ')',
        ',',
        '?',
        '&',
        '=',
        '#',
        '%',
        '/',
        ' ',
        'x',
      ),
    );
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          pieces.map((all) => all.join('')),
        ),
        (text) => {
          try {
            parseBrokerUri(text);
          } catch (error) {
            expect(error).toMatchObject({ code: 'BATON_INVALID_URI' });
          }
        },
      ),
    );
  });
});

test('a formatted URI parses to what it was', () => {
  fc.assert(
    fc.property(brokerUris, (uri) => {
      expect(withoutPositions(parseBrokerUri(formatBrokerUri(uri)))).toEqual(withoutPositions(uri));
    }),
  );
});

test("nested options are split off and go behind a component's own", () => {
  const outer = parseBrokerUri('failover:(tcp://a:1?x=1)?nested.x=2&randomize=false');
  const { taken, left } = takePrefixed(outer.query, 'nested.');
  expect(left.map(({ name }) => name)).toEqual(['randomize']);
  expect(
    outer.kind === 'composite' &&
      outer.components.map((uri) => formatBrokerUri(withOptions(uri, taken))),
  ).toEqual(['tcp://a:1?x=1&x=2']);
});
