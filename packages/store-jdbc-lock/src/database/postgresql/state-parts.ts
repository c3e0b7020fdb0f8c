import type { ChangeSet, StateKey } from '../../write/change-set.ts';
import { PayloadBlock } from '../../write/payload-block.ts';
import { escapeName, hashOf, hashOfProducer } from '../names.ts';
import { bigintArray, integerArray, textArray } from './binary-values.ts';
import { rowsOf } from './rows-of.ts';
import type { Part } from './statement-texts.ts';

/** Producer marks and keyed states. */
export function stateParts(changes: ChangeSet): readonly Part[] {
  const parts: Part[] = [];
  const marks: Mark[] = [];
  const forgotten: string[] = [];
  for (const [producer, sequence] of changes.producers) {
    if (sequence === undefined) forgotten.push(hashOfProducer(producer));
    else marks.push({ producer, sequence });
  }
  if (marks.length > 0) parts.push(marked(marks));
  if (forgotten.length > 0) parts.push(forgottenProducers(forgotten));
  const put: PutState[] = [];
  const removed: string[] = [];
  for (const { space, key, value } of changes.states) {
    if (value === undefined) removed.push(hashOf(space, key));
    else put.push({ space, key, value });
  }
  if (put.length > 0) parts.push(putStates(put));
  if (removed.length > 0) parts.push(removedStates(removed));
  return parts;
}

interface Mark {
  readonly producer: string;
  readonly sequence: number;
}

interface PutState extends StateKey {
  readonly value: Uint8Array;
}

function marked(marks: readonly Mark[]): Part {
  return {
    name: 'marked',
    values: [
      textArray(marks.map(({ producer }) => hashOfProducer(producer))),
      textArray(marks.map(({ producer }) => escapeName(producer))),
      bigintArray(marks.map(({ sequence }) => sequence)),
    ],
    sql: (tables, parameter) =>
      `marked as (insert into ${tables.producers} (producer_hash, producer, sequence)
        select t.* from ${rowsOf({
          producer_hash: `${parameter(0)}::text[]`,
          producer: `${parameter(1)}::text[]`,
          sequence: `${parameter(2)}::bigint[]`,
        })}
        on conflict (producer_hash) do update set sequence = excluded.sequence)`,
  };
}

function forgottenProducers(hashes: readonly string[]): Part {
  return {
    name: 'forgotten',
    values: [textArray(hashes)],
    sql: (tables, parameter) =>
      `forgotten as (delete from ${tables.producers} p using ${rowsOf({ hash: `${parameter(0)}::text[]` })}
        where p.producer_hash = t.hash)`,
  };
}

function putStates(put: readonly PutState[]): Part {
  const block = new PayloadBlock();
  const extents = put.map(({ value }) => block.add([value]));
  return {
    name: 'put-states',
    values: [
      block.pieces,
      textArray(put.map(({ space, key }) => hashOf(space, key))),
      textArray(put.map(({ space }) => escapeName(space))),
      textArray(put.map(({ key }) => escapeName(key))),
      integerArray(extents.map(({ offset }) => offset)),
      integerArray(extents.map(({ byteCount }) => byteCount)),
    ],
    sql: (tables, parameter) =>
      `put_states as (insert into ${tables.states} (state_hash, space, state_key, value)
        select hash, space, key, substring(${parameter(0)}::bytea from 1 + start for byte_count)
        from ${rowsOf({
          hash: `${parameter(1)}::text[]`,
          space: `${parameter(2)}::text[]`,
          key: `${parameter(3)}::text[]`,
          start: `${parameter(4)}::integer[]`,
          byte_count: `${parameter(5)}::integer[]`,
        })}
        on conflict (state_hash) do update set value = excluded.value)`,
  };
}

function removedStates(hashes: readonly string[]): Part {
  return {
    name: 'removed-states',
    values: [textArray(hashes)],
    sql: (tables, parameter) =>
      `removed_states as (delete from ${tables.states} s using ${rowsOf({ hash: `${parameter(0)}::text[]` })}
        where s.state_hash = t.hash)`,
  };
}
