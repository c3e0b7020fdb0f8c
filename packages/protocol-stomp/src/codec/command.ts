import { CR, LF } from './bytes.ts';

/** What a client may ask for. */
export type ClientCommand =
  | 'CONNECT'
  | 'STOMP'
  | 'SEND'
  | 'SUBSCRIBE'
  | 'UNSUBSCRIBE'
  | 'ACK'
  | 'NACK'
  | 'BEGIN'
  | 'COMMIT'
  | 'ABORT'
  | 'DISCONNECT';

/** Those that come often first. */
const COMMANDS: readonly { readonly command: ClientCommand; readonly bytes: Uint8Array }[] = (
  [
    'SEND',
    'ACK',
    'NACK',
    'BEGIN',
    'COMMIT',
    'ABORT',
    'SUBSCRIBE',
    'UNSUBSCRIBE',
    'CONNECT',
    'STOMP',
    'DISCONNECT',
  ] as const
).map((command) => ({ command, bytes: Uint8Array.from(Buffer.from(command)) }));

/** The command whose name is `bytes[start, end)`; undefined if there is none. */
export function commandOf(
  bytes: Uint8Array,
  start: number,
  end: number,
): ClientCommand | undefined {
  for (const { command, bytes: name } of COMMANDS) {
    if (name.length !== end - start) continue;
    let index = 0;
    while (index < name.length && bytes[start + index] === name[index]) index += 1;
    if (index === name.length) return command;
  }
  return undefined;
}

/** How a conversation may begin; what follows the name is the end of its line. */
const BEGINNINGS: readonly Uint8Array[] = ['CONNECT', 'STOMP'].map((name) =>
  Uint8Array.from(Buffer.from(name)),
);

/**
 * Whether a peer that begins like this speaks STOMP; undefined if more bytes are needed. Empty lines
 * may come before the first frame.
 */
export function looksLikeStomp(firstBytes: Uint8Array): boolean | undefined {
  let start = 0;
  while (isLineEnd(firstBytes[start])) start += 1;
  const bytes = firstBytes.subarray(start);
  const name = BEGINNINGS.find((beginning) =>
    beginning.every((byte, index) => index >= bytes.length || bytes[index] === byte),
  );
  if (name === undefined) return false;
  return bytes.length <= name.length ? undefined : isLineEnd(bytes[name.length]);
}

function isLineEnd(byte: number | undefined): boolean {
  return byte === LF || byte === CR;
}
