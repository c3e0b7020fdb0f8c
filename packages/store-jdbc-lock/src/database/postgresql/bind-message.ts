/** The bytes of a value in the binary form of its type. */
export type BinaryValue = Uint8Array | readonly Uint8Array[];

/** Kept from one message for the next; larger ones are made when they are needed. */
const BYTES_KEPT = 1024 * 1024;

const BINARY = 1;

/**
 * The message that gives a prepared statement its values, all in binary form: "Bind" in
 * https://www.postgresql.org/docs/current/protocol-message-formats.html.
 *
 * ```
 *   'B' | 4 length | portal = '', 0 | statement, 0 | 2 formats = 1 | 2 binary
 *       | 2 values, each: 4 length, bytes | 2 formats of results = 0
 * ```
 *
 * The driver copies what it sends several times, each time into new memory, and V8 answers so much of that outside its heap
 * with one full collection after the other. Here payloads are copied once, from where they came in, into memory that is
 * used again.
 */
export class BindMessage {
  #buffer: Buffer = Buffer.alloc(0);

  /** Good until the next one is made: until then the server must have answered. */
  of(statement: string, values: readonly BinaryValue[]): Uint8Array {
    let end = 1 + 4 + 1 + Buffer.byteLength(statement) + 1 + 2 + 2 + 2 + 2;
    for (const value of values) end += 4 + byteCountOf(value);
    const message = this.#room(end);
    message.write('B', 0, 'latin1');
    message.writeInt32BE(end - 1, 1);
    message.writeUInt8(0, 5);
    let at = 6 + message.write(statement, 6);
    at = message.writeUInt8(0, at);
    at = message.writeInt16BE(1, at);
    at = message.writeInt16BE(BINARY, at);
    at = message.writeInt16BE(values.length, at);
    for (const value of values) at = writeValue(message, value, at);
    message.writeInt16BE(0, at);
    return message.subarray(0, end);
  }

  #room(byteCount: number): Buffer {
    if (byteCount <= this.#buffer.length) return this.#buffer;
    if (byteCount > BYTES_KEPT) return Buffer.allocUnsafe(byteCount);
    this.#buffer = Buffer.allocUnsafe(Math.min(BYTES_KEPT, 2 * byteCount));
    return this.#buffer;
  }
}

function writeValue(message: Buffer, value: BinaryValue, start: number): number {
  let at = message.writeInt32BE(byteCountOf(value), start);
  for (const piece of piecesOf(value)) {
    message.set(piece, at);
    at += piece.length;
  }
  return at;
}

function byteCountOf(value: BinaryValue): number {
  return piecesOf(value).reduce((sum, { length }) => sum + length, 0);
}

function piecesOf(value: BinaryValue): readonly Uint8Array[] {
  return value instanceof Uint8Array ? [value] : value;
}
