import { expect, test } from 'vitest';
import { OPEN_WIRE_DEFAULTS, resolveOpenWireOptions } from './options.ts';

test('what is not given has its default', () => {
  expect(resolveOpenWireOptions()).toEqual(OPEN_WIRE_DEFAULTS);
  expect(resolveOpenWireOptions({ isCacheOffered: true })).toEqual({
    ...OPEN_WIRE_DEFAULTS,
    isCacheOffered: true,
  });
});

test('every problem is reported at once', () => {
  const wrong = { cacheSlotCount: 99, isCacheOffered: 1, loginTimeout: 5, frameBytesMax: 1.5 };
  expect(() => resolveOpenWireOptions(wrong as object)).toThrow(
    expect.objectContaining({
      code: 'BATON_INVALID_OPTION',
      message: expect.stringMatching(
        /cacheSlotCount is 99.*isCacheOffered must be.*loginTimeout is unknown.*frameBytesMax is 1.5/,
      ) as string,
    }),
  );
});
