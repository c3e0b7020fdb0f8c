import { describe, expect, test } from 'vitest';
import { createWireFormat } from '../src/index.ts';
import { expected, notation, vectorStreams } from './fixtures.ts';

describe('frames of the reference implementation, every type in every version and mode', () => {
  for (const { settings, frames } of vectorStreams()) {
    test(JSON.stringify(settings), () => {
      const incoming = createWireFormat(settings);
      const outgoing = createWireFormat(settings);
      for (const { bytes, value } of frames) {
        const structure = incoming.decode(bytes);
        expect(notation(structure)).toMatchObject(expected(value) as object);
        expect(Buffer.from(outgoing.encode(structure)).toString('hex')).toBe(bytes.toString('hex'));
      }
    });
  }
});
