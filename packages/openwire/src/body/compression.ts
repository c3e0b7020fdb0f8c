import { BrokerError } from '@batonmq/model';
import { deflateSync, inflateSync } from 'node:zlib';
import type { WireMessage } from '../structure/commands.ts';
import { protocolError } from '../protocol-error.ts';
import { asBuffer } from '../codec/byte-sink.ts';

const LENGTH_BYTES = 4;

/** What a bytes message may inflate to beyond its length; see {@link uncompressedContent}. */
const SLACK_BYTES = 64 * 1024;

/**
 * The content of a message as it was before compression: the content itself if `compressed` is
 * false.
 *
 * A compressed bytes message starts with its true length. What follows usually inflates to more,
 * because the reference client deflates the whole of a buffer that it filled in part; the surplus
 * is dropped.
 *
 * @param sizeMax - Bytes the result may have.
 * @throws BrokerError `BATON_PROTOCOL` if the content is not deflated data,
 *   `BATON_FRAME_TOO_LARGE` if it inflates to more than `sizeMax`.
 */
export function uncompressedContent(
  message: Pick<WireMessage, 'type' | 'compressed' | 'content'>,
  sizeMax: number,
): Uint8Array | null {
  const { content } = message;
  if (content === null || content.length === 0 || !message.compressed) return content;
  if (message.type !== 'ActiveMQBytesMessage') return inflate(content, sizeMax, 0);
  if (content.length < LENGTH_BYTES) throw protocolError('A compressed body has no length', 0);
  const length = asBuffer(content).readInt32BE(0);
  if (length < 0) throw protocolError('The length of a compressed body is negative', 0);
  if (length > sizeMax) throw tooLarge(sizeMax);
  const inflated = inflate(content.subarray(LENGTH_BYTES), length * 2 + SLACK_BYTES, LENGTH_BYTES);
  if (inflated.length >= length) return inflated.subarray(0, length);
  throw protocolError(`A compressed body of ${length} bytes has ${inflated.length} only`, 0);
}

/** Compresses a content for a message of that type, whose `compressed` is then to be true. */
export function compressedContent(
  type: WireMessage['type'],
  content: Uint8Array | null,
): Uint8Array | null {
  if (content === null) return null;
  const deflated = deflateSync(content);
  if (type !== 'ActiveMQBytesMessage') return deflated;
  const length = Buffer.alloc(LENGTH_BYTES);
  length.writeInt32BE(content.length, 0);
  return Buffer.concat([length, deflated]);
}

function inflate(bytes: Uint8Array, sizeMax: number, position: number): Uint8Array {
  try {
    return inflateSync(bytes, { maxOutputLength: Math.max(1, sizeMax) });
  } catch (error) {
    if (error instanceof RangeError) throw tooLarge(sizeMax);
    throw protocolError('A compressed body is not deflated data', position, error);
  }
}

function tooLarge(sizeMax: number): BrokerError {
  return new BrokerError(
    'BATON_FRAME_TOO_LARGE',
    `A compressed body has more than the ${sizeMax} bytes allowed`,
    { details: { sizeMax } },
  );
}
