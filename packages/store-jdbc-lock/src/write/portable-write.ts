import { escapeName, hashOf, hashOfProducer } from '../database/names.ts';
import type { Fence } from '../database/database.ts';
import type { Row } from '../database/session.ts';
import type { Tables } from '../schema/tables.ts';
import type { AddedBody, ChangeSet, Place } from './change-set.ts';
import { groupBy } from './group-by.ts';
import { numberRanges, placeRanges } from './ranges.ts';
import type { InsertStep, MatchQuery, MatchStep, RunStep, Step, StepRow } from './step.ts';

/**
 * A change in SQL that every database knows, as plain data. It is carried out in one transaction:
 *
 * 1. {@link fence}; if it changes no row, nothing else is done;
 * 2. {@link removedCounts}, if it is there;
 * 3. {@link removedPlaces}, if {@link asksForPlaces} says so;
 * 4. {@link steps}, one after another;
 * 5. {@link closingSteps} for what the queries found, one after another.
 *
 * Who writes is alone in doing so, hence the queries may as well go before the transaction.
 */
export interface PortableWrite {
  readonly fence: RunStep;
  /** By destination, what goes: `destination`, `message_count`, `message_bytes`, `shared_count`. */
  readonly removedCounts: MatchQuery | undefined;
  /** By shared body, in how many places it will be no more: `body`, `place_count`. */
  readonly removedPlaces: MatchQuery | undefined;
  readonly removesDestinations: boolean;
  readonly steps: readonly Step[];
  readonly growths: readonly Growth[];
  readonly tables: Tables;
}

/** What comes to a destination. */
interface Growth {
  readonly destination: number;
  readonly messageCount: number;
  readonly messageBytes: number;
  /** None: it stays. */
  readonly nextSequence: number | undefined;
}

export function portableWrite(changes: ChangeSet, tables: Tables, fence: Fence): PortableWrite {
  const { removedDestinations } = changes;
  const removedRanges = placeRanges(stillThere(changes)).map(({ destination, first, last }) => [
    destination,
    first,
    last,
  ]);
  const wholeDestinations = removedDestinations.map((destination) => [
    destination,
    0,
    Number.MAX_SAFE_INTEGER,
  ]);
  return {
    fence: {
      kind: 'run',
      sql: `update ${tables.lease} set batch = ? where id = 1 and epoch = ? and batch = ?`,
      rows: [[fence.batch, fence.epoch, fence.batch - 1]],
    },
    removedCounts: inPlaces(removedRanges, {
      sql: `select destination, count(*) as message_count, sum(byte_count) as message_bytes, count(body) as shared_count from ${tables.messages} where`,
      end: 'group by destination',
    }),
    removedPlaces: inPlaces([...wholeDestinations, ...removedRanges], {
      sql: `select body, count(*) as place_count from ${tables.messages} where body is not null and`,
      end: 'group by body',
    }),
    removesDestinations: removedDestinations.length > 0,
    steps: [
      deletion(tables.destinations, IN_DESTINATION, removedDestinations.map(rowOf)),
      deletion(tables.messages, IN_DESTINATION, removedDestinations.map(rowOf)),
      addedDestinations(changes, tables),
      deletion(tables.messages, IN_RANGE, removedRanges),
      ...redeliveries(changes, tables),
      ...addedMessages(changes, tables),
      ...producers(changes, tables),
      ...states(changes, tables),
    ].filter(({ rows }) => rows.length > 0),
    growths: growths(changes),
    tables,
  };
}

/** Whether shared bodies lose places. @param counts - what `removedCounts` found */
export function asksForPlaces(
  { removesDestinations }: Pick<PortableWrite, 'removesDestinations'>,
  counts: readonly Row[],
): boolean {
  return removesDestinations || counts.some((row) => Number(row['shared_count']) > 0);
}

/**
 * What depends on the messages that went.
 *
 * @param counts - what `removedCounts` found
 * @param places - what `removedPlaces` found
 */
export function closingSteps(
  { growths, tables }: Pick<PortableWrite, 'growths' | 'tables'>,
  counts: readonly Row[],
  places: readonly Row[],
): readonly Step[] {
  return [...counters(growths, counts, tables), ...releasedBodies(places, tables)].filter(
    ({ rows }) => rows.length > 0,
  );
}

/** The condition of rows of a destination, all of which goes. */
export const IN_DESTINATION = 'destination = ?';

/** The condition of rows of a destination, a first and a last sequence. */
export const IN_RANGE = 'destination = ? and sequence between ? and ?';

/** What was in a destination that goes as a whole goes with it. */
function stillThere({ removedDestinations, removedMessages }: ChangeSet): readonly Place[] {
  const removed = new Set(removedDestinations);
  return removedMessages.filter(({ destination }) => !removed.has(destination));
}

function inPlaces(
  rows: readonly StepRow[],
  { sql, end }: Pick<MatchQuery, 'sql' | 'end'>,
): MatchQuery | undefined {
  return rows.length === 0 ? undefined : { sql, values: [], condition: IN_RANGE, rows, end };
}

function deletion(table: string, condition: string, rows: readonly StepRow[]): MatchStep {
  return { kind: 'match', sql: `delete from ${table} where`, values: [], condition, rows };
}

function rowOf(value: number | string): StepRow {
  return [value];
}

function addedDestinations(changes: ChangeSet, tables: Tables): InsertStep {
  return {
    kind: 'insert',
    table: tables.destinations,
    columns: ['destination', 'destination_key', 'message_count', 'message_bytes', 'next_sequence'],
    rows: changes.addedDestinations.map(([number, key]) => [number, escapeName(key), 0, 0, 1]),
  };
}

/** One step for each count: most are 1. */
function redeliveries(changes: ChangeSet, tables: Tables): readonly MatchStep[] {
  const byCount = groupBy(changes.redeliveries, ({ count }) => count);
  return [...byCount].map(([count, places]) => ({
    kind: 'match',
    sql: `update ${tables.messages} set redelivery_count = ? where`,
    values: [count],
    condition: IN_RANGE,
    rows: placeRanges(places).map(({ destination, first, last }) => [destination, first, last]),
  }));
}

function addedMessages({ addedMessages: added }: ChangeSet, tables: Tables): readonly InsertStep[] {
  const shared = new Set<AddedBody>();
  const rows = added.map(({ destination, sequence, redeliveryCount, body }): StepRow => {
    const isShared = body.placeCount > 1;
    if (isShared) shared.add(body);
    const number = isShared ? body.number : null;
    const payload = isShared ? null : body.pieces;
    return [destination, sequence, redeliveryCount, body.byteCount, number, payload];
  });
  return [
    {
      kind: 'insert',
      table: tables.bodies,
      columns: ['body', 'place_count', 'payload'],
      rows: [...shared].map((body) => [body.number, body.placeCount, body.pieces]),
    },
    {
      kind: 'insert',
      table: tables.messages,
      columns: ['destination', 'sequence', 'redelivery_count', 'byte_count', 'body', 'payload'],
      rows,
    },
  ];
}

function producers(changes: ChangeSet, tables: Tables): readonly Step[] {
  const marks: StepRow[] = [];
  const forgotten: string[] = [];
  for (const [producer, sequence] of changes.producers) {
    const hash = hashOfProducer(producer);
    if (sequence === undefined) forgotten.push(hash);
    else marks.push([hash, escapeName(producer), sequence]);
  }
  return [
    {
      kind: 'put',
      table: tables.producers,
      columns: ['producer_hash', 'producer', 'sequence'],
      rows: marks,
    },
    deletion(tables.producers, 'producer_hash = ?', forgotten.map(rowOf)),
  ];
}

function states(changes: ChangeSet, tables: Tables): readonly Step[] {
  const kept: StepRow[] = [];
  const removed: string[] = [];
  for (const { space, key, value } of changes.states) {
    const hash = hashOf(space, key);
    if (value === undefined) removed.push(hash);
    else kept.push([hash, escapeName(space), escapeName(key), [value]]);
  }
  return [
    {
      kind: 'put',
      table: tables.states,
      columns: ['state_hash', 'space', 'state_key', 'value'],
      rows: kept,
    },
    deletion(tables.states, 'state_hash = ?', removed.map(rowOf)),
  ];
}

function growths(changes: ChangeSet): readonly Growth[] {
  const counts = new Map<number, number>();
  const bytes = new Map<number, number>();
  for (const { destination, body } of changes.addedMessages) {
    counts.set(destination, (counts.get(destination) ?? 0) + 1);
    bytes.set(destination, (bytes.get(destination) ?? 0) + body.byteCount);
  }
  return changes.nextSequences.map(([destination, nextSequence]) => ({
    destination,
    messageCount: counts.get(destination) ?? 0,
    messageBytes: bytes.get(destination) ?? 0,
    nextSequence,
  }));
}

/** One update of each destination. */
function counters(
  growths: readonly Growth[],
  counts: readonly Row[],
  tables: Tables,
): readonly RunStep[] {
  const totals = new Map(growths.map((growth) => [growth.destination, { ...growth }]));
  for (const row of counts) {
    const destination = Number(row['destination']);
    const total = totals.get(destination) ?? NO_GROWTH;
    totals.set(destination, {
      destination,
      messageCount: total.messageCount - Number(row['message_count']),
      messageBytes: total.messageBytes - Number(row['message_bytes']),
      nextSequence: total.nextSequence,
    });
  }
  const withSequence: StepRow[] = [];
  const withoutSequence: StepRow[] = [];
  for (const { destination, messageCount, messageBytes, nextSequence } of totals.values()) {
    if (nextSequence === undefined) withoutSequence.push([messageCount, messageBytes, destination]);
    else withSequence.push([messageCount, messageBytes, nextSequence, destination]);
  }
  const set = `update ${tables.destinations} set message_count = message_count + ?, message_bytes = message_bytes + ?`;
  return [
    { kind: 'run', sql: `${set}, next_sequence = ? where destination = ?`, rows: withSequence },
    { kind: 'run', sql: `${set} where destination = ?`, rows: withoutSequence },
  ];
}

const NO_GROWTH = { messageCount: 0, messageBytes: 0, nextSequence: undefined };

function releasedBodies(places: readonly Row[], tables: Tables): readonly MatchStep[] {
  const released = new Map<number, number>();
  for (const row of places) {
    const body = Number(row['body']);
    released.set(body, (released.get(body) ?? 0) + Number(row['place_count']));
  }
  const byPlaceCount = groupBy(released.keys(), (body) => released.get(body) ?? 0);
  const condition = 'body between ? and ?';
  return [
    ...[...byPlaceCount].map(([placeCount, bodies]): MatchStep => ({
      kind: 'match',
      sql: `update ${tables.bodies} set place_count = place_count - ? where`,
      values: [placeCount],
      condition,
      rows: numberRanges(bodies),
    })),
    {
      kind: 'match',
      sql: `delete from ${tables.bodies} where place_count = 0 and`,
      values: [],
      condition,
      rows: numberRanges([...released.keys()]),
    },
  ];
}
