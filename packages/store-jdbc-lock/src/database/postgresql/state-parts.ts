import type { ChangeSet } from '../../write/change-set.ts';
import { PayloadBlock } from '../../write/payload-block.ts';
import { escapeName, hashOf } from '../names.ts';
import { bigintArray, integerArray, textArray } from './binary-values.ts';
import type { Part } from './statement-texts.ts';

/** Producer marks and keyed states. */
export function stateParts(changes: ChangeSet): readonly Part[] {
  const { producers, states } = changes;
  const parts: Part[] = [];
  if (producers.length > 0) parts.push(markedProducers(producers));
  if (states.length > 0) parts.push(putStates(states));
  return parts;
}

function markedProducers(producers: ChangeSet['producers']): Part {
  const marked: { producer: string; sequence: number }[] = [];
  const forgotten: string[] = [];
  for (const [producer, sequence] of producers) {
    if (sequence === undefined) forgotten.push(producer);
    else marked.push({ producer, sequence });
  }
  return {
    name: 'producers',
    values: [
      textArray(marked.map(({ producer }) => hashOf(producer))),
      textArray(marked.map(({ producer }) => escapeName(producer))),
      bigintArray(marked.map(({ sequence }) => sequence)),
      textArray(forgotten.map((producer) => hashOf(producer))),
    ],
    sql: (tables, parameter) =>
      `marked as (insert into ${tables.producers} (producer_hash, producer, sequence)
        select t.* from fence, unnest(${parameter(0)}::text[], ${parameter(1)}::text[], ${parameter(2)}::bigint[]) as t
        on conflict (producer_hash) do update set sequence = excluded.sequence),
      forgotten as (delete from ${tables.producers} p using fence, unnest(${parameter(3)}::text[]) as t(hash)
        where p.producer_hash = t.hash)`,
  };
}

function putStates(states: ChangeSet['states']): Part {
  const block = new PayloadBlock();
  const put = states.flatMap(({ space, key, value }) =>
    value === undefined ? [] : [{ space, key, extent: block.add([value]) }],
  );
  const removed = states.filter(({ value }) => value === undefined);
  return {
    name: 'states',
    values: [
      block.pieces,
      textArray(put.map(({ space, key }) => hashOf(space, key))),
      textArray(put.map(({ space }) => escapeName(space))),
      textArray(put.map(({ key }) => escapeName(key))),
      integerArray(put.map(({ extent }) => extent.offset)),
      integerArray(put.map(({ extent }) => extent.byteCount)),
      textArray(removed.map(({ space, key }) => hashOf(space, key))),
    ],
    sql: (tables, parameter) =>
      `put_states as (insert into ${tables.states} (state_hash, space, state_key, value)
        select hash, space, key, substring(${parameter(0)}::bytea from 1 + start for byte_count)
        from fence, unnest(${parameter(1)}::text[], ${parameter(2)}::text[], ${parameter(3)}::text[],
          ${parameter(4)}::integer[], ${parameter(5)}::integer[]) as t(hash, space, key, start, byte_count)
        on conflict (state_hash) do update set value = excluded.value),
      removed_states as (delete from ${tables.states} s using fence, unnest(${parameter(6)}::text[]) as t(hash)
        where s.state_hash = t.hash)`,
  };
}
