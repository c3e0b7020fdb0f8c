import { isAscii, isUtf8 } from 'node:buffer';
import { decodeText, encodeText, uncompressedContent } from '@batonmq/message-content';
import { type ContentKind, type Message } from '@batonmq/model';
import { EMPTY_BYTES, NUL } from '../codec/bytes.ts';
import { ownedBytes, ownedWithLength } from './owned-bytes.ts';

/** The content of a message, in the form in which it is stored: docs/formats/message.md. */
export interface Content {
  readonly contentKind: ContentKind;
  readonly content: Uint8Array | undefined;
}

export function bytesContent(body: Buffer): Content {
  return { contentKind: 'bytes', content: ownedBytes(body) };
}

/**
 * A body of text. One that is not UTF-8 has no such form, and is kept as the bytes it is: STOMP lets a
 * sender choose another encoding.
 */
export function textContent(body: Buffer): Content {
  const isValid = isAscii(body) || isUtf8(body);
  if (!isValid) return bytesContent(body);
  if (!needsModifiedUtf8(body)) return { contentKind: 'text', content: ownedWithLength(body) };
  return { contentKind: 'text', content: encodeText(body.toString('utf8')) ?? undefined };
}

/** Four bytes of UTF-8 for one character begin with one of these. */
const FOUR_BYTE_LEADS = [0xf0, 0xf1, 0xf2, 0xf3, 0xf4] as const;

/** True for UTF-8 whose modified form, which Java reads, is another: NULs and characters of four bytes. */
function needsModifiedUtf8(body: Buffer): boolean {
  return body.includes(NUL) || FOUR_BYTE_LEADS.some((lead) => body.includes(lead));
}

/** Bytes of the length that a text has in front of it. */
const LENGTH_BYTES = 4;

/**
 * What a consumer gets for a body: text as UTF-8, bytes as they are, and nothing for the bodies that only
 * Java can read.
 *
 * @throws `BATON_PROTOCOL`, `BATON_FRAME_TOO_LARGE` for content that cannot be uncompressed or is no text.
 */
export function bodyOf(message: Message, bytesMax: number): Uint8Array {
  const { contentKind: kind, isCompressed, content } = message;
  if (content === undefined || content.length === 0) return EMPTY_BYTES;
  if (kind !== 'text' && kind !== 'bytes') return EMPTY_BYTES;
  const plain = isCompressed
    ? (uncompressedContent({ kind, isCompressed, content }, bytesMax) ?? EMPTY_BYTES)
    : content;
  return kind === 'bytes' ? plain : standardUtf8(plain);
}

function standardUtf8(content: Uint8Array): Uint8Array {
  if (content.length <= LENGTH_BYTES) return EMPTY_BYTES;
  const text = content.subarray(LENGTH_BYTES);
  if (isAscii(text) || !hasModifiedForm(text)) return text;
  return Buffer.from(decodeText(content) ?? '', 'utf8');
}

/** `C0 80` is a NUL, `ED A0..BF` a half of a character of four bytes. */
const MODIFIED_LEADS = [0xc0, 0xed] as const;

function hasModifiedForm(text: Uint8Array): boolean {
  return MODIFIED_LEADS.some((lead) => text.includes(lead));
}
