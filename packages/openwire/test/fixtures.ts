import { readdirSync, readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import type { DataStructure } from '../src/index.ts';
import type { CodecSettings } from '../src/codec/settings.ts';

/** Frames made by the reference implementation, in order, under one format. */
export interface VectorStream {
  readonly settings: CodecSettings;
  readonly frames: readonly { readonly bytes: Buffer; readonly value: JsonObject }[];
}

/** A frame of real traffic; `value` is what an independent decoder read from it. */
export interface CapturedFrame {
  readonly connection: number;
  readonly direction: 'B' | 'C';
  readonly bytes: Buffer;
  readonly value: JsonObject;
  readonly bodies: readonly JsonObject[];
}

export type Json = string | number | boolean | null | readonly Json[] | JsonObject;
export interface JsonObject {
  readonly [key: string]: Json;
}

const here = new URL('./fixtures/', import.meta.url);

function lines(file: string): JsonObject[] {
  const text = gunzipSync(readFileSync(new URL(file, here))).toString('utf8');
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as JsonObject);
}

export function publishedTable(): JsonObject {
  const bytes = gunzipSync(readFileSync(new URL('commands.json.gz', here)));
  return JSON.parse(bytes.toString('utf8')) as JsonObject;
}

export function vectorStreams(): VectorStream[] {
  const streams: VectorStream[] = [];
  let frames: { bytes: Buffer; value: JsonObject }[] = [];
  for (const line of lines('all-types-v1-v12.jsonl.gz')) {
    if (line['stream'] === undefined) {
      frames.push({ bytes: hex(line['hex']), value: line['value'] as JsonObject });
      continue;
    }
    frames = [];
    streams.push({ settings: vectorSettings(line['stream'] as JsonObject), frames });
  }
  return streams;
}

function vectorSettings(stream: JsonObject): CodecSettings {
  return {
    version: stream['version'] as number,
    tightEncoding: stream['tight'] as boolean,
    cacheEnabled: stream['cache'] as boolean,
    cacheSize: stream['cacheSize'] as number,
    stackTraceEnabled: stream['stackTrace'] as boolean,
    maxFrameSize: 1_000_000,
  };
}

export function captureNames(): string[] {
  return readdirSync(new URL('captures/', here))
    .filter((name) => name.endsWith('.decoded.jsonl.gz'))
    .map((name) => name.slice(0, -'.decoded.jsonl.gz'.length));
}

export function capture(name: string): CapturedFrame[] {
  const decoded = new Map<string, JsonObject>();
  for (const line of lines(`captures/${name}.decoded.jsonl.gz`)) {
    decoded.set(place(line), line);
  }
  return lines(`captures/${name}.jsonl.gz`)
    .filter((line) => line['hex'] !== undefined)
    .map((line) => {
      const twin = decoded.get(place(line));
      return {
        connection: line['conn'] as number,
        direction: line['dir'] as 'B' | 'C',
        bytes: hex(line['hex']),
        value: twin?.['value'] as JsonObject,
        bodies: (twin?.['bodies'] ?? []) as JsonObject[],
      };
    });
}

function place(line: JsonObject): string {
  return JSON.stringify([line['conn'], line['seq']]);
}

function hex(value: Json | undefined): Buffer {
  return Buffer.from(value as string, 'hex');
}

/**
 * Brings a decoded structure into the notation of the fixtures: `$` for the type, every integer as
 * text, bytes as hex.
 */
export function notation(structure: DataStructure | null): Json {
  return structure === null ? null : noted(structure);
}

const PROTOCOL_NAMES: Readonly<Record<string, string>> = {
  type: '$',
  jmsType: 'type',
  transactionType: 'type',
};

function noted(value: unknown): Json {
  if (value instanceof Uint8Array) return Buffer.from(value).toString('hex');
  if (typeof value === 'number' || typeof value === 'bigint') return String(value);
  if (Array.isArray(value)) return value.map(noted);
  if (typeof value !== 'object' || value === null) return value as Json;
  return Object.fromEntries(
    Object.entries(value).map(([key, held]) => [PROTOCOL_NAMES[key] ?? key, noted(held)]),
  );
}

/** A fixture's value with every integer as text, and only what travels under its name there. */
export function expected(value: Json): Json {
  if (typeof value === 'number') return String(value);
  if (Array.isArray(value)) return value.map(expected);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value as JsonObject).flatMap(renamed));
}

function renamed([key, held]: [string, Json]): [string, Json][] {
  if (key === 'stack') return [['stackTrace', (held as Json[]).map(stackFrame)]];
  if (key !== 'networkTTL') return [[key, expected(held)]];
  return [
    ['messageTTL', expected(held)],
    ['consumerTTL', expected(held)],
  ];
}

function stackFrame(frame: Json): Json {
  const [declaringClass, method, file, line] = frame as [string, string, string | null, number];
  return { declaringClass, method, file, line: String(line) };
}
