import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import {
  createWireFormat,
  FrameReader,
  negotiate,
  type Command,
  type WireFormatInfo,
} from '@batonmq/openwire';

/** One command that the real client (`C`) or the real broker (`B`) sent. */
export interface CapturedCommand {
  readonly connection: number;
  readonly from: 'C' | 'B';
  readonly command: Command;
}

interface Line {
  readonly conn: number;
  readonly dir?: 'C' | 'B';
  readonly hex?: string;
}

/**
 * Decodes a recording of ActiveMQ 5.17.2 (test/captures), in the order of its frames. Each direction of
 * each connection has a decoder of its own, in the format its two ends agreed on.
 */
export function readCapture(name: string): readonly CapturedCommand[] {
  const file = new URL(`captures/${name}.jsonl.gz`, import.meta.url);
  const lines = gunzipSync(readFileSync(file))
    .toString()
    .trim()
    .split('\n')
    .map((text) => JSON.parse(text) as Line);
  const readers = new Map<string, FrameReader>();
  const infos = new Map<string, WireFormatInfo>();
  const commands: CapturedCommand[] = [];
  for (const { conn, dir, hex } of lines) {
    if (dir === undefined || hex === undefined) continue;
    const key = `${conn}${dir}`;
    const reader = readers.get(key) ?? new FrameReader();
    readers.set(key, reader);
    for (const command of reader.push(Buffer.from(hex, 'hex'))) {
      commands.push({ connection: conn, from: dir, command });
      if (command.type !== 'WireFormatInfo') continue;
      infos.set(key, command);
      const [client, broker] = [infos.get(`${conn}C`), infos.get(`${conn}B`)];
      if (client === undefined || broker === undefined) continue;
      const agreed = negotiate(client, broker);
      for (const side of ['C', 'B']) {
        readers.get(`${conn}${side}`)?.start(createWireFormat(agreed));
      }
    }
  }
  return commands;
}
