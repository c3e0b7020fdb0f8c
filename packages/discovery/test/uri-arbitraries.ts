import fc from 'fast-check';
import type { BrokerUri, SimpleUri, UriOption } from '../src/broker-uri.ts';

const word = fc.stringMatching(/^[a-z][a-zA-Z0-9.]{0,8}$/);

const query: fc.Arbitrary<readonly UriOption[]> = fc.array(
  fc.record({
    name: word,
    value: fc.string({ unit: 'grapheme', maxLength: 8 }).map((text) => text.trim()),
    position: fc.constant(0),
  }),
  { maxLength: 3 },
);

const simple: fc.Arbitrary<BrokerUri> = fc.record({
  kind: fc.constant<'simple'>('simple'),
  scheme: fc.constantFrom('tcp', 'ssl', 'nio'),
  rest: fc.tuple(word, fc.nat(65_535)).map(([host, port]) => `//${host}:${port}`),
  query,
  fragment: fc.constantFrom('', 'f'),
  position: fc.constant(0),
}) satisfies fc.Arbitrary<SimpleUri>;

/** URIs of every shape, with lists nested up to three deep. */
export const brokerUris: fc.Arbitrary<BrokerUri> = fc.letrec<{ uri: BrokerUri }>((tie) => ({
  uri: fc.oneof(
    { maxDepth: 3, depthIdentifier: 'list' },
    simple,
    fc.record({
      kind: fc.constant<'composite'>('composite'),
      scheme: fc.constantFrom('failover', 'static', 'masterslave', 'discovery'),
      components: fc.array(tie('uri'), { maxLength: 3, depthIdentifier: 'list' }),
      path: fc.constantFrom('', '/p'),
      query,
      fragment: fc.constantFrom('', 'f'),
      position: fc.constant(0),
    }),
  ),
})).uri;

/** The same URI with every position set to 0, to compare what was said and not where. */
export function withoutPositions(uri: BrokerUri): BrokerUri {
  const plain = uri.query.map((option) => ({ ...option, position: 0 }));
  if (uri.kind === 'simple') return { ...uri, query: plain, position: 0 };
  return { ...uri, query: plain, position: 0, components: uri.components.map(withoutPositions) };
}
