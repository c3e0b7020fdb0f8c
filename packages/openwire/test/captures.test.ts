import { describe, expect, test } from 'vitest';
import {
  createWireFormat,
  FrameReader,
  FrameWriter,
  isWireMessage,
  negotiate,
  type Command,
  type WireFormatInfo,
} from '../src/index.ts';
import { capture, captureNames, expected, notation, type CapturedFrame } from './fixtures.ts';

describe('real traffic between the reference client and broker', () => {
  for (const name of captureNames()) {
    test(`${name} is read and written back to the same bytes`, () => {
      for (const frames of connections(capture(name))) {
        const settings = negotiate(infoOf(frames, 'C'), infoOf(frames, 'B'));
        for (const direction of ['B', 'C'] as const) {
          const sent = frames.filter((frame) => frame.direction === direction);
          const reader = new FrameReader();
          const writer = new FrameWriter();
          const read: Command[] = [];
          for (const command of reader.push(Buffer.concat(sent.map((frame) => frame.bytes)))) {
            read.push(command);
            writer.write(command);
            const info = command.type === 'WireFormatInfo';
            if (info) reader.start(createWireFormat(settings));
            if (info) writer.start(createWireFormat(settings));
            const frame = sent[read.length - 1];
            expect(notation(command)).toMatchObject(expected(frame?.value ?? null) as object);
            expect(Buffer.concat(writer.take()).toString('hex')).toBe(frame?.bytes.toString('hex'));
          }
          expect(read).toHaveLength(sent.length);
        }
      }
    });
  }

  test('the captures have every message type and all that the tests below rely on', () => {
    const types = new Set(
      captureNames().flatMap((name) => capture(name).map((frame) => frame.value['$'])),
    );
    for (const type of [
      'ActiveMQMapMessage',
      'ActiveMQBlobMessage',
      'MessagePull',
      'ProducerAck',
    ]) {
      expect(types).toContain(type);
    }
    expect(isWireMessage({ type: 'ActiveMQBlobMessage' })).toBe(true);
  });
});

function connections(frames: readonly CapturedFrame[]): CapturedFrame[][] {
  const byConnection = new Map<number, CapturedFrame[]>();
  for (const frame of frames) {
    byConnection.set(frame.connection, [...(byConnection.get(frame.connection) ?? []), frame]);
  }
  return [...byConnection.values()];
}

function infoOf(frames: readonly CapturedFrame[], direction: 'B' | 'C'): WireFormatInfo {
  const frame = frames.find((candidate) => candidate.direction === direction);
  const reader = new FrameReader();
  const [info] = reader.push(frame?.bytes ?? Buffer.alloc(0));
  if (info?.type !== 'WireFormatInfo') throw new Error('a capture starts with a WireFormatInfo');
  return info;
}
