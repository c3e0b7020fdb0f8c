import { describe, expect, test } from 'vitest';
import { ByteSink } from '../src/codec/byte-sink.ts';
import { Decoder } from '../src/codec/decoder.ts';
import { Encoder } from '../src/codec/encoder.ts';
import { createWireFormat } from '../src/index.ts';
import { expected, notation, vectorStreams } from './fixtures.ts';

describe('frames of the reference implementation, every type in every version and mode', () => {
  for (const { settings, frames } of vectorStreams()) {
    test(`are read and written back to the same bytes: ${JSON.stringify(settings)}`, () => {
      const format = createWireFormat(settings);
      for (const { bytes, value } of frames) {
        const structure = format.decode(bytes);
        expect(notation(structure)).toMatchObject(expected(value) as object);
        expect(Buffer.from(format.encode(structure)).toString('hex')).toBe(bytes.toString('hex'));
      }
    });
  }

  test('go through the table alone to the same values and bytes as through the hot code', () => {
    for (const { settings, frames } of vectorStreams()) {
      const format = createWireFormat(settings);
      const decoder = new Decoder(settings, []);
      const encoder = new Encoder(settings, []);
      for (const { bytes } of frames) {
        const structure = decoder.decode(bytes, 4, bytes.length);
        expect(structure).toEqual(format.decode(bytes));
        const sink = new ByteSink();
        encoder.encode(structure, sink);
        expect(Buffer.concat(sink.take()).equals(bytes)).toBe(true);
      }
    }
  });
});
