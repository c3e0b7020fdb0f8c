import { describe, expect, test } from 'vitest';
import {
  command,
  createWireFormat,
  detach,
  FrameReader,
  FrameWriter,
  negotiate,
  preferredWireFormatInfo,
  type Command,
  type WireFormatOptions,
} from '../src/index.ts';
import { notation } from './fixtures.ts';

/** A writer and a reader that have just agreed on a format, the info frames already exchanged. */
function connected(options: WireFormatOptions = {}) {
  const info = preferredWireFormatInfo(options);
  const settings = negotiate(info, info);
  const writer = new FrameWriter();
  const reader = new FrameReader();
  writer.write(info);
  for (const first of reader.push(Buffer.concat(writer.take()))) {
    expect(first.type).toBe('WireFormatInfo');
    reader.start(createWireFormat(settings));
  }
  writer.start(createWireFormat(settings));
  return { writer, reader };
}

function bytesMessage(length: number): Command {
  return command('ActiveMQBytesMessage', { content: new Uint8Array(length).fill(length % 251) });
}

const commands: readonly Command[] = [
  command('KeepAliveInfo'),
  bytesMessage(100),
  command('Response', { correlationId: 7 }),
  bytesMessage(10_000),
  command('ShutdownInfo'),
];

describe('a reader', () => {
  test('gives the same commands wherever the chunks are cut', () => {
    for (const options of [{}, { tightEncodingEnabled: true, cacheEnabled: true }]) {
      const { writer } = connected(options);
      for (const each of commands) writer.write(each);
      const bytes = Buffer.concat(writer.take());
      for (let at = 0; at <= bytes.length; at += at < 400 ? 1 : 97) {
        const { reader } = connected(options);
        const read = [...reader.push(bytes.subarray(0, at)), ...reader.push(bytes.subarray(at))];
        expect(read.map(notation)).toEqual(commands.map(notation));
      }
    }
  });

  test('gives the same commands byte by byte', () => {
    const { writer, reader } = connected();
    for (const each of commands) writer.write(each);
    const read: Command[] = [];
    for (const byte of Buffer.concat(writer.take())) read.push(...reader.push(Uint8Array.of(byte)));
    expect(read.map(notation)).toEqual(commands.map(notation));
  });

  test('keeps what was not asked for until the next push', () => {
    const { writer, reader } = connected();
    for (const each of commands) writer.write(each);
    const [first] = reader.push(Buffer.concat(writer.take()));
    writer.write(command('FlushCommand'));
    const rest = [...reader.push(Buffer.concat(writer.take()))];
    expect([first, ...rest]).toEqual([...commands, command('FlushCommand')]);
  });

  test('gives views of the chunk, which detach copies if the chunk is much larger', () => {
    const { writer, reader } = connected();
    writer.write(bytesMessage(100));
    writer.write(bytesMessage(3000));
    const chunk = Buffer.concat(writer.take());
    const contents = [...reader.push(chunk)].map((each) =>
      'content' in each ? each.content : null,
    );
    const [small, large] = contents;
    expect(small?.buffer).toBe(chunk.buffer);
    if (small === null || small === undefined) throw new Error('the content is there');
    expect(detach(small)).toEqual(small);
    expect(detach(small).buffer.byteLength).toBe(100);
    const own = Uint8Array.from(large ?? []);
    expect(detach(own)).toBe(own);
  });

  test('gives one object for ids and destinations that return', () => {
    const { writer, reader } = connected();
    const producerId = command('ProducerId', { connectionId: 'ID:a', value: 1 });
    const destination = command('ActiveMQQueue', { physicalName: 'orders' });
    for (let i = 0; i < 2; i++)
      writer.write(command('ActiveMQMessage', { producerId, destination }));
    writer.write(command('ProducerInfo', { producerId: { ...producerId, value: 2 } }));
    const [first, second, third] = reader.push(Buffer.concat(writer.take())) as Iterable<
      Extract<Command, { producerId: unknown }>
    >;
    expect(first).toMatchObject({ producerId, destination });
    expect(second?.producerId).toBe(first?.producerId);
    expect(third?.producerId).toEqual({ ...producerId, value: 2 });
  });

  test('refuses anything before the WireFormatInfo, a second one, and what is no command', () => {
    const format = createWireFormat(
      negotiate(preferredWireFormatInfo(), preferredWireFormatInfo()),
    );
    const refused = expect.objectContaining({ code: 'BATON_PROTOCOL' }) as Error;
    const keepAlive = format.encode(command('KeepAliveInfo'));
    expect(() => [...new FrameReader().push(keepAlive)]).toThrow(refused);
    const info = format.encode(preferredWireFormatInfo());
    expect(() => [...connected().reader.push(info)]).toThrow(refused);
    const id = format.encode(command('BrokerId'));
    expect(() => [...connected().reader.push(id)]).toThrow(refused);
  });

  test('gives the commands before a broken frame, then the error, then the same error', () => {
    const { writer, reader } = connected();
    writer.write(command('KeepAliveInfo'));
    const iterator = reader.push(
      Buffer.concat([...writer.take(), Buffer.from('00000001ff', 'hex')]),
    );
    expect(iterator.next().value).toEqual(command('KeepAliveInfo'));
    expect(() => iterator.next()).toThrow(/no type 255/);
    expect(() => [...reader.push(Buffer.from('0000'))]).toThrow(/no type 255/);
  });

  test('asks for its format when commands are wanted too early', () => {
    const writer = new FrameWriter();
    writer.write(preferredWireFormatInfo());
    const bytes = Buffer.concat([...writer.take(), Buffer.from('000000060a0000000000', 'hex')]);
    const iterator = new FrameReader().push(bytes);
    iterator.next();
    expect(() => iterator.next()).toThrow(expect.objectContaining({ code: 'BATON_INVALID_STATE' }));
  });
});

describe('a writer', () => {
  test('gathers small frames in one piece and hands large contents on without copying', () => {
    const { writer } = connected();
    const content = new Uint8Array(5000);
    writer.write(command('KeepAliveInfo'));
    writer.write(command('ActiveMQBytesMessage', { content }));
    writer.write(command('KeepAliveInfo'));
    const { byteLength } = writer;
    const pieces = writer.take();
    expect(pieces).toHaveLength(3);
    expect(pieces[1]).toBe(content);
    expect(Buffer.concat(pieces)).toHaveLength(byteLength);
    expect(writer.byteLength).toBe(0);
    expect(writer.take()).toEqual([]);
  });

  test('never changes bytes that were taken', () => {
    for (const options of [{}, { tightEncodingEnabled: true }]) {
      const { writer, reader } = connected(options);
      const pieces: Uint8Array[] = [];
      const copies: Uint8Array[] = [];
      for (let i = 0; i < 200; i++) {
        writer.write(bytesMessage(i * 40));
        for (const piece of i % 3 === 0 ? writer.take() : []) {
          pieces.push(piece);
          copies.push(Uint8Array.from(piece));
        }
      }
      pieces.push(...writer.take());
      expect(
        pieces
          .slice(0, copies.length)
          .every((piece, i) => Buffer.from(piece).equals(copies[i] ?? piece)),
      ).toBe(true);
      const sizes = [...reader.push(Buffer.concat(pieces))].map(
        (each) => 'content' in each && each.content?.length,
      );
      expect(sizes).toEqual(Array.from({ length: 200 }, (_, i) => i * 40));
    }
  });

  test('that cannot write a command leaves no trace of it', () => {
    for (const options of [{}, { tightEncodingEnabled: true, cacheEnabled: true }]) {
      const { writer, reader } = connected({ ...options, maxFrameSize: 8000 });
      const brokerId = command('BrokerId', { value: 'broker' });
      const tooLarge = command('BrokerInfo', { brokerId, networkProperties: 'x'.repeat(9000) });
      const unwritable = command('BrokerInfo', { brokerId, brokerName: 'x'.repeat(70_000) });
      const outOfRange = command('ConsumerInfo', { priority: 128 });
      const missing = { type: 'NoSuchCommand' } as unknown as Command;
      writer.write(command('KeepAliveInfo'));
      const { byteLength } = writer;
      expect(() => {
        writer.write(tooLarge);
      }).toThrow(expect.objectContaining({ code: 'BATON_FRAME_TOO_LARGE' }));
      for (const each of [unwritable, outOfRange, missing]) {
        expect(() => {
          writer.write(each);
        }).toThrow(expect.objectContaining({ code: 'BATON_INVALID_ARGUMENT' }));
      }
      expect(writer.byteLength).toBe(byteLength);
      writer.write(command('BrokerInfo', { brokerId }));
      expect([...reader.push(Buffer.concat(writer.take()))]).toEqual([
        command('KeepAliveInfo'),
        command('BrokerInfo', { brokerId }),
      ]);
    }
  });

  test('writes nothing but the info before negotiation, and no info after it', () => {
    const state = expect.objectContaining({ code: 'BATON_INVALID_STATE' }) as Error;
    expect(() => {
      new FrameWriter().write(command('KeepAliveInfo'));
    }).toThrow(state);
    expect(() => {
      connected().writer.write(preferredWireFormatInfo());
    }).toThrow(state);
  });

  test('cuts exception messages that no frame could hold', () => {
    const { writer, reader } = connected({ tightEncodingEnabled: true });
    const exception = {
      className: 'javax.jms.JMSException',
      message: 'x'.repeat(1e6),
      stackTrace: null,
      cause: null,
    };
    writer.write(command('ExceptionResponse', { exception }));
    const [read] = reader.push(Buffer.concat(writer.take()));
    expect(read).toMatchObject({ exception: { message: 'x'.repeat(8192) } });
  });
});
