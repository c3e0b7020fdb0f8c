import { BrokerError, parseDestination, type Message } from '@batonmq/model';
import { decodeMessage, encodeMessage } from './stored-message.ts';

// A message that the store keeps in a hidden destination, big-endian; docs/formats/kept-state.md
// draws it for readers outside of this code. A stored message does not name its destination, because
// it lies in it; this one lies elsewhere.
//
//   at  bytes
//    0  1   version, 1
//    1  4   bytes of the key of the destination it is for, then the key (UTF-8)
//           then the stored message

const VERSION = 1;
const PREFIX_BYTES = 5;

/** The pieces to store, in order. */
export function encodeKeptMessage(message: Message): readonly Uint8Array[] {
  const { key } = message.destination;
  const prefix = Buffer.allocUnsafe(PREFIX_BYTES + Buffer.byteLength(key));
  prefix.writeUInt8(VERSION, 0);
  prefix.writeUInt32BE(prefix.length - PREFIX_BYTES, 1);
  prefix.write(key, PREFIX_BYTES, 'utf8');
  return [prefix, ...encodeMessage(message)];
}

/** @throws `BATON_STORE_FORMAT` for another version, `BATON_CORRUPT` if the lengths contradict each other. */
export function decodeKeptMessage(payload: Uint8Array): Message {
  const view = Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength);
  const version = view[0];
  if (version !== undefined && version !== VERSION) {
    throw new BrokerError(
      'BATON_STORE_FORMAT',
      `A kept message has version ${version}; this broker reads version ${VERSION}`,
      { details: { version } },
    );
  }
  const end = view.length < PREFIX_BYTES ? Infinity : PREFIX_BYTES + view.readUInt32BE(1);
  if (end > view.length) {
    throw new BrokerError(
      'BATON_CORRUPT',
      `A kept message of ${view.length} bytes contradicts its own lengths`,
      { details: { bytes: view.length } },
    );
  }
  const destination = parseDestination(view.toString('utf8', PREFIX_BYTES, end));
  return decodeMessage(view.subarray(end), destination);
}
