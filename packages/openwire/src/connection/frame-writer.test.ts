import { expect, test } from 'vitest';
import {
  command,
  createWireFormat,
  FrameWriter,
  negotiate,
  preferredWireFormatInfo,
} from '../index.ts';

function startedWriter(): FrameWriter {
  const writer = new FrameWriter();
  const info = preferredWireFormatInfo({});
  writer.write(info);
  writer.take();
  writer.start(createWireFormat(negotiate(info, info)));
  return writer;
}

/** Bytes of the memory under what a writer hands over for one keep-alive. */
function blockBytesOf(writer: FrameWriter): number {
  writer.write(command('KeepAliveInfo'));
  return writer.take()[0]?.buffer.byteLength ?? 0;
}

test('a writer that rests between keep-alives stays small, however many there are', () => {
  const writer = startedWriter();
  for (let count = 0; count < 10_000; count += 1) {
    writer.rest();
    expect(blockBytesOf(writer)).toBe(512);
  }
});

test('a writer that was busy is small again after it rested', () => {
  const writer = startedWriter();
  for (let count = 0; count < 10_000; count += 1) writer.write(command('KeepAliveInfo'));
  writer.take();
  expect(blockBytesOf(writer)).toBe(64 * 1024);
  writer.rest();
  expect(blockBytesOf(writer)).toBe(512);
});

test('resting drops nothing that is still to be sent', () => {
  const [writer, other] = [startedWriter(), startedWriter()];
  for (const one of [writer, other]) one.write(command('KeepAliveInfo'));
  writer.rest();
  for (const one of [writer, other]) one.write(command('KeepAliveInfo'));
  expect(Buffer.concat(writer.take())).toEqual(Buffer.concat(other.take()));
});
