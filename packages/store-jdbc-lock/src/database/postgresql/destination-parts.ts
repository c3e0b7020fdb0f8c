import type { DestinationNumber } from '@batonmq/model';
import type { ChangeSet } from '../../write/change-set.ts';
import { escapeName } from '../names.ts';
import { bigintArray, textArray } from './binary-values.ts';
import { releasedBodies } from './message-parts.ts';
import { rowsOf } from './rows-of.ts';
import type { Part } from './statement-texts.ts';

/** What a set adds to the counters of a destination. */
interface Tally {
  messageCount: number;
  messageBytes: number;
  /** 0: stays as it is. */
  nextSequence: number;
}

type Tallied = readonly (readonly [DestinationNumber, Tally])[];

/**
 * A row that a statement adds cannot be changed by the same one: what is new gets its counters at once. What was
 * removed counts as far as it was there.
 */
export function destinationParts(changes: ChangeSet): readonly Part[] {
  const tallies = tally(changes);
  const isAnyRemoved = changes.removedMessages.length > 0;
  const parts: Part[] = [];
  const keys = new Map(changes.addedDestinations);
  if (keys.size > 0) parts.push(addedDestinations(keys, tallies));
  const others = [...tallies].filter(([destination]) => !keys.has(destination));
  if (isAnyRemoved) parts.push(countedWithRemoved(others));
  else if (others.length > 0) parts.push(counted(others));
  return parts;
}

/** Everything of these destinations goes, their counters too. */
export function removedDestinationParts(
  destinations: readonly DestinationNumber[],
): readonly Part[] {
  const removal: Part = {
    name: 'removed-destinations',
    values: [bigintArray(destinations)],
    sql: (tables, parameter) =>
      `removed_destinations as (delete from ${tables.destinations} d using fence
        where d.destination = any(${parameter(0)}::bigint[])),
      removed as (delete from ${tables.messages} m using fence
        where m.destination = any(${parameter(0)}::bigint[]) returning m.body)`,
  };
  return [removal, releasedBodies()];
}

function tally(changes: ChangeSet): ReadonlyMap<DestinationNumber, Tally> {
  const tallies = new Map<DestinationNumber, Tally>();
  for (const [destination, nextSequence] of changes.nextSequences) {
    tallies.set(destination, { messageCount: 0, messageBytes: 0, nextSequence });
  }
  for (const { destination, body } of changes.addedMessages) {
    const found = tallies.get(destination);
    if (found === undefined) continue;
    found.messageCount += 1;
    found.messageBytes += body.byteCount;
  }
  return tallies;
}

function addedDestinations(
  keys: ReadonlyMap<DestinationNumber, string>,
  tallies: ReadonlyMap<DestinationNumber, Tally>,
): Part {
  const none: Tally = { messageCount: 0, messageBytes: 0, nextSequence: 1 };
  const rows = [...keys.keys()].map(
    (destination) => [destination, tallies.get(destination) ?? none] as const,
  );
  return {
    name: 'added-destinations',
    values: [textArray([...keys.values()].map(escapeName)), ...arraysOf(rows)],
    sql: (tables, parameter) =>
      `added_destinations as (
        insert into ${tables.destinations} (destination_key, destination, message_count, message_bytes, next_sequence)
        select t.* from ${rowsOf({
          destination_key: `${parameter(0)}::text[]`,
          ...tallyArrays(parameter, 1),
        })})`,
  };
}

function counted(tallies: Tallied): Part {
  return {
    name: 'counted',
    values: arraysOf(tallies),
    sql: (tables, parameter) =>
      countersUpdate(tables.destinations, `select t.* from ${rowsOf(tallyArrays(parameter, 0))}`),
  };
}

function countedWithRemoved(tallies: Tallied): Part {
  return {
    name: 'counted-with-removed',
    values: arraysOf(tallies),
    sql: (tables, parameter) =>
      countersUpdate(
        tables.destinations,
        `select destination, sum(message_count)::bigint as message_count, sum(message_bytes)::bigint as message_bytes,
          max(next_sequence) as next_sequence
        from (
          select t.* from ${rowsOf(tallyArrays(parameter, 0))}
          union all
          select destination, -count(*), -sum(byte_count), 0 from removed group by destination
        ) as changes group by destination`,
      ),
  };
}

function countersUpdate(destinations: string, changes: string): string {
  return `counted as (update ${destinations} d set message_count = d.message_count + c.message_count,
    message_bytes = d.message_bytes + c.message_bytes, next_sequence = greatest(d.next_sequence, c.next_sequence)
    from (${changes}) as c where d.destination = c.destination)`;
}

function arraysOf(tallies: Tallied): readonly Buffer[] {
  return [
    bigintArray(tallies.map(([destination]) => destination)),
    bigintArray(tallies.map(([, { messageCount }]) => messageCount)),
    bigintArray(tallies.map(([, { messageBytes }]) => messageBytes)),
    bigintArray(tallies.map(([, { nextSequence }]) => nextSequence)),
  ];
}

/** The parameters of {@link arraysOf} by the columns they are for. */
function tallyArrays(
  parameter: (index: number) => string,
  from: number,
): Readonly<Record<string, string>> {
  const columns = ['destination', 'message_count', 'message_bytes', 'next_sequence'];
  return Object.fromEntries(
    columns.map((column, index) => [column, `${parameter(from + index)}::bigint[]`]),
  );
}
