import { deflateSync, inflateSync } from 'node:zlib';
import { BrokerError, type ContentKind } from '@batonmq/model';
import { asBuffer } from './as-buffer.ts';
import { malformed } from './content-error.ts';

const LENGTH_BYTES = 4;

/** What a bytes message may inflate to beyond its length; see {@link uncompressedContent}. */
const SLACK_BYTES = 64 * 1024;

/** The content of a message as it is kept and sent. */
export interface StoredContent {
  readonly kind: ContentKind;
  readonly isCompressed: boolean;
  readonly content: Uint8Array | null | undefined;
}

/**
 * The content of a message as it was before compression: the content itself if it is not
 * compressed.
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
  { kind, isCompressed, content }: StoredContent,
  sizeMax: number,
): Uint8Array | null {
  if (content === null || content === undefined) return null;
  if (content.length === 0 || !isCompressed) return content;
  if (kind !== 'bytes') return inflate(content, sizeMax, 0);
  if (content.length < LENGTH_BYTES) throw malformed('A compressed body has no length', 0);
  const length = asBuffer(content).readInt32BE(0);
  if (length < 0) throw malformed('The length of a compressed body is negative', 0);
  if (length > sizeMax) throw tooLarge(sizeMax);
  const inflated = inflate(content.subarray(LENGTH_BYTES), length * 2 + SLACK_BYTES, LENGTH_BYTES);
  if (inflated.length >= length) return inflated.subarray(0, length);
  throw malformed(`A compressed body of ${length} bytes has ${inflated.length} only`, 0);
}

/** Compresses a content for a message of that kind, which is then to be marked as compressed. */
export function compressedContent(
  kind: ContentKind,
  content: Uint8Array | null,
): Uint8Array | null {
  if (content === null) return null;
  const deflated = deflateSync(content);
  if (kind !== 'bytes') return deflated;
  const length = Buffer.alloc(LENGTH_BYTES);
  length.writeInt32BE(content.length, 0);
  return Buffer.concat([length, deflated]);
}

function inflate(bytes: Uint8Array, sizeMax: number, position: number): Uint8Array {
  try {
    return inflateSync(bytes, { maxOutputLength: Math.max(1, sizeMax) });
  } catch (error) {
    if (error instanceof RangeError) throw tooLarge(sizeMax);
    throw malformed('A compressed body is not deflated data', position, error);
  }
}

function tooLarge(sizeMax: number): BrokerError {
  return new BrokerError(
    'BATON_FRAME_TOO_LARGE',
    `A compressed body has more than the ${sizeMax} bytes allowed`,
    { details: { sizeMax } },
  );
}
