import type { AddedBody, AddedMessage, ChangeSet, Place } from '../../write/change-set.ts';
import { PayloadBlock } from '../../write/payload-block.ts';
import { bigintArray, integerArray } from './binary-values.ts';
import { ValueTooLargeError } from '../session-error.ts';
import { rowsOf } from './rows-of.ts';
import type { Part } from './statement-texts.ts';

/**
 * The server sends bytes as two digits each, and this is what the longest text of Node.js holds. What could not be
 * read is not written.
 */
export const PAYLOAD_BYTES_MAX = 256 * 1024 * 1024 - 1024;

export function messageParts(changes: ChangeSet): readonly Part[] {
  const { addedMessages, removedMessages, redeliveries } = changes;
  const parts: Part[] = [];
  if (removedMessages.length > 0) parts.push(removed(removedMessages), releasedBodies());
  const ofOnePlace = addedMessages.filter(({ body }) => body.placeCount === 1);
  if (ofOnePlace.length > 0) parts.push(added(ofOnePlace));
  if (ofOnePlace.length < addedMessages.length) {
    const ofSeveralPlaces = addedMessages.filter(({ body }) => body.placeCount > 1);
    parts.push(addedBodies(ofSeveralPlaces), addedPlaces(ofSeveralPlaces));
  }
  if (redeliveries.length > 0) parts.push(redelivered(redeliveries));
  return parts;
}

function added(messages: readonly AddedMessage[]): Part {
  const block = new PayloadBlock();
  const offsets = messages.map(({ body }) => addTo(block, body));
  return {
    name: 'added',
    values: [
      block.pieces,
      bigintArray(messages.map(({ destination }) => destination)),
      bigintArray(messages.map(({ sequence }) => sequence)),
      integerArray(messages.map(({ redeliveryCount }) => redeliveryCount)),
      integerArray(messages.map(({ body }) => body.byteCount)),
      integerArray(offsets),
    ],
    sql: (tables, parameter) =>
      `added as (insert into ${tables.messages} (destination, sequence, redelivery_count, byte_count, payload)
        select destination, sequence, redelivery_count, byte_count, substring(${parameter(0)}::bytea from 1 + start for byte_count)
        from ${rowsOf({
          destination: `${parameter(1)}::bigint[]`,
          sequence: `${parameter(2)}::bigint[]`,
          redelivery_count: `${parameter(3)}::integer[]`,
          byte_count: `${parameter(4)}::integer[]`,
          start: `${parameter(5)}::integer[]`,
        })})`,
  };
}

function addedBodies(messages: readonly AddedMessage[]): Part {
  const bodies = [...new Set(messages.map(({ body }) => body))];
  const block = new PayloadBlock();
  const offsets = bodies.map((body) => addTo(block, body));
  return {
    name: 'added-bodies',
    values: [
      block.pieces,
      bigintArray(bodies.map(({ number }) => number)),
      integerArray(bodies.map(({ placeCount }) => placeCount)),
      integerArray(bodies.map(({ byteCount }) => byteCount)),
      integerArray(offsets),
    ],
    sql: (tables, parameter) =>
      `added_bodies as (insert into ${tables.bodies} (body, place_count, payload)
        select body, place_count, substring(${parameter(0)}::bytea from 1 + start for byte_count)
        from ${rowsOf({
          body: `${parameter(1)}::bigint[]`,
          place_count: `${parameter(2)}::integer[]`,
          byte_count: `${parameter(3)}::integer[]`,
          start: `${parameter(4)}::integer[]`,
        })})`,
  };
}

function addedPlaces(messages: readonly AddedMessage[]): Part {
  return {
    name: 'added-places',
    values: [
      bigintArray(messages.map(({ destination }) => destination)),
      bigintArray(messages.map(({ sequence }) => sequence)),
      integerArray(messages.map(({ redeliveryCount }) => redeliveryCount)),
      integerArray(messages.map(({ body }) => body.byteCount)),
      bigintArray(messages.map(({ body }) => body.number)),
    ],
    sql: (tables, parameter) =>
      `added_places as (insert into ${tables.messages} (destination, sequence, redelivery_count, byte_count, body)
        select destination, sequence, redelivery_count, byte_count, body
        from ${rowsOf({
          destination: `${parameter(0)}::bigint[]`,
          sequence: `${parameter(1)}::bigint[]`,
          redelivery_count: `${parameter(2)}::integer[]`,
          byte_count: `${parameter(3)}::integer[]`,
          body: `${parameter(4)}::bigint[]`,
        })})`,
  };
}

function removed(places: readonly Place[]): Part {
  const ranges = rangesOf(places);
  return {
    name: 'removed',
    values: [
      bigintArray(ranges.map(({ destination }) => destination)),
      bigintArray(ranges.map(({ first }) => first)),
      bigintArray(ranges.map(({ last }) => last)),
    ],
    sql: (tables, parameter) =>
      `removed as (delete from ${tables.messages} m
        using ${rowsOf({
          destination: `${parameter(0)}::bigint[]`,
          first: `${parameter(1)}::bigint[]`,
          last: `${parameter(2)}::bigint[]`,
        })}
        where m.destination = t.destination and m.sequence between t.first and t.last
        returning m.destination, m.byte_count, m.body)`,
  };
}

/** Counts down, or deletes, the bodies that removed messages show. */
export function releasedBodies(): Part {
  return {
    name: 'released',
    values: [],
    sql: ({ bodies }) =>
      `released as (select body, count(*)::integer as place_count from removed where body is not null group by body),
      kept as (update ${bodies} b set place_count = b.place_count - r.place_count
        from released r where b.body = r.body and b.place_count > r.place_count),
      freed as (delete from ${bodies} b using released r where b.body = r.body and b.place_count <= r.place_count)`,
  };
}

function redelivered(counts: ChangeSet['redeliveries']): Part {
  return {
    name: 'redelivered',
    values: [
      bigintArray(counts.map(({ destination }) => destination)),
      bigintArray(counts.map(({ sequence }) => sequence)),
      integerArray(counts.map(({ count }) => count)),
    ],
    sql: (tables, parameter) =>
      `redelivered as (update ${tables.messages} m set redelivery_count = t.redelivery_count
        from ${rowsOf({
          destination: `${parameter(0)}::bigint[]`,
          sequence: `${parameter(1)}::bigint[]`,
          redelivery_count: `${parameter(2)}::integer[]`,
        })}
        where m.destination = t.destination and m.sequence = t.sequence)`,
  };
}

interface Range {
  readonly destination: number;
  readonly first: number;
  last: number;
}

/** Messages mostly go in the order they came. */
function rangesOf(places: readonly Place[]): readonly Range[] {
  const sorted = [...places].sort(
    (a, b) => a.destination - b.destination || a.sequence - b.sequence,
  );
  const ranges: Range[] = [];
  let range: Range | undefined;
  for (const { destination, sequence } of sorted) {
    if (range?.destination === destination && range.last + 1 === sequence) {
      range.last = sequence;
    } else {
      range = { destination, first: sequence, last: sequence };
      ranges.push(range);
    }
  }
  return ranges;
}

function addTo(block: PayloadBlock, { pieces, byteCount }: AddedBody): number {
  if (byteCount > PAYLOAD_BYTES_MAX) {
    throw new ValueTooLargeError(
      `A message of ${byteCount} bytes is larger than the ${PAYLOAD_BYTES_MAX} that PostgreSQL gives back`,
    );
  }
  return block.add(pieces).offset;
}
