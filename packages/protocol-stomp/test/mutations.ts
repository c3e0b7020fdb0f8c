import fc from 'fast-check';

/** One change of some bytes; `place` and `length` are taken as far as the bytes reach. */
type Mutation =
  | { readonly kind: 'replace' | 'insert'; readonly place: number; readonly bytes: Uint8Array }
  | { readonly kind: 'flip'; readonly place: number; readonly bit: number }
  | { readonly kind: 'remove' | 'repeat'; readonly place: number; readonly length: number }
  | { readonly kind: 'truncate'; readonly place: number };

/** What means something to the parser, and what is not what it seems. */
const telling = fc.constantFrom(
  ...['\0', '\n', '\r\n', ':', '\\', '\\c', '\\t', '\n\n', '\0\n', ' ', '\u00e9', '-1'].map(
    (text) => Buffer.from(text),
  ),
  Buffer.of(0xff),
  Buffer.from('content-length:3\n'),
  Buffer.from('content-length:99999999999999999999\n'),
);

const place = fc.nat(5000);

const mutation: fc.Arbitrary<Mutation> = fc.oneof(
  fc.record({
    kind: fc.constantFrom('replace' as const, 'insert' as const),
    place,
    bytes: fc.oneof(telling, fc.uint8Array({ minLength: 1, maxLength: 4 })),
  }),
  fc.record({ kind: fc.constant('flip' as const), place, bit: fc.nat(7) }),
  fc.record({
    kind: fc.constantFrom('remove' as const, 'repeat' as const),
    place,
    length: fc.integer({ min: 1, max: 40 }),
  }),
  fc.record({ kind: fc.constant('truncate' as const), place }),
);

export const mutations = fc.array(mutation, { minLength: 1, maxLength: 4 });

export function mutated(original: Uint8Array, changes: readonly Mutation[]): Buffer {
  return changes.reduce<Buffer>(applied, Buffer.from(original));
}

function applied(bytes: Buffer, change: Mutation): Buffer {
  const at = change.place % (bytes.length + 1);
  const before = bytes.subarray(0, at);
  switch (change.kind) {
    case 'replace':
      return Buffer.concat([before, change.bytes, bytes.subarray(at + change.bytes.length)]);
    case 'insert':
      return Buffer.concat([before, change.bytes, bytes.subarray(at)]);
    case 'flip': {
      const flipped = Buffer.from(bytes);
      flipped[at] = (flipped[at] ?? 0) ^ (1 << change.bit);
      return flipped;
    }
    case 'remove':
      return Buffer.concat([before, bytes.subarray(at + change.length)]);
    case 'repeat':
      return Buffer.concat([before, bytes.subarray(at, at + change.length), bytes.subarray(at)]);
    case 'truncate':
      return before;
  }
}
