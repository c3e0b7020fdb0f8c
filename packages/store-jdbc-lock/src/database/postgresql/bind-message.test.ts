import { expect, test } from 'vitest';
import { BindMessage } from './bind-message.ts';

// The bytes follow "Bind" in https://www.postgresql.org/docs/current/protocol-message-formats.html.

test('values of a statement are sent in binary form, pieces as one value', () => {
  const pieces = [Buffer.from('ab'), Buffer.from('c')];
  const message = Buffer.from(new BindMessage().of('st', [Buffer.from([7]), pieces, []]));
  expect(message.toString('hex')).toBe(
    [
      '42', // 'B'
      '00000020', // what follows, with these four
      '00', // the portal without a name
      '737400', // st
      '00010001', // one format for all values: binary
      '0003', // values
      ...['00000001', '07'],
      ...['00000003', '616263'],
      '00000000',
      '0000', // results as text
    ].join(''),
  );
});

test('a message has nothing of the ones before it, of whatever size they were', () => {
  const messages = new BindMessage();
  const first = Buffer.from(messages.of('s', [Buffer.from('short')]));
  for (const byteCount of [100, 3_000_000, 0]) {
    const value = Buffer.alloc(byteCount, 'x');
    const message = Buffer.from(messages.of('s', [value]));
    expect(message.length).toBe(first.length - 5 + byteCount);
    expect(message.readInt32BE(1)).toBe(message.length - 1);
    expect(message.subarray(-2 - byteCount, -2).equals(value)).toBe(true);
  }
  expect(Buffer.from(messages.of('s', [Buffer.from('short')]))).toEqual(first);
});
