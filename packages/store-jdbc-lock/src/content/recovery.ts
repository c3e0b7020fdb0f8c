/** What a broker has to know before it serves. None of it grows with the messages that wait. */
import { destinationNumber, sequence } from '@batonmq/model';
import type { RecoveryVisitor } from '@batonmq/store-spi';
import { unescapeName } from '../database/names.ts';
import type { Row, Session } from '../database/session.ts';
import { statementOf } from '../database/statement-of.ts';
import type { Place } from '../schema/migrate.ts';
import { isOwnState, type FirstSequences } from './first-sequences.ts';

/** Rows read at once: a store with a million of them is read in pieces. */
const ROWS_PER_READ = 5_000;
/** Each is a parameter of the queries that find the first messages. */
const DESTINATIONS_PER_READ = 500;

/** Tells the visitor what is stored. */
export async function recover(
  session: Session,
  place: Place,
  firstSequences: FirstSequences,
  visitor: RecoveryVisitor,
): Promise<void> {
  await recoverDestinations(session, place, firstSequences, visitor);
  const { producers, states } = place.tables;
  for await (const row of allRows(session, place, producers, 'producer_hash')) {
    visitor.producer(unescapeName(String(row['producer'])), Number(row['sequence']));
  }
  for await (const row of allRows(session, place, states, 'state_hash')) {
    const space = unescapeName(String(row['space']));
    if (isOwnState(space)) continue;
    visitor.state(space, unescapeName(String(row['state_key'])), bytesOf(row['value']));
  }
}

async function recoverDestinations(
  session: Session,
  place: Place,
  firstSequences: FirstSequences,
  visitor: RecoveryVisitor,
): Promise<void> {
  const table = place.tables.destinations;
  for await (const rows of pagesOf(session, place, table, 'destination', DESTINATIONS_PER_READ)) {
    const numberOf = (row: Row) => destinationNumber(Number(row['destination']));
    const firsts = await firstSequences.find(session, rows.map(numberOf));
    for (const row of rows) {
      const nextSequence = Number(row['next_sequence']);
      visitor.destination({
        destination: numberOf(row),
        key: unescapeName(String(row['destination_key'])),
        messageCount: Number(row['message_count']),
        messageBytes: Number(row['message_bytes']),
        firstSequence: sequence(firsts.get(numberOf(row)) ?? nextSequence),
        nextSequence: sequence(nextSequence),
      });
    }
  }
}

/** Above the number of every shared body there is. */
export async function nextBodyOf(session: Session, { database, tables }: Place): Promise<number> {
  const query = database.knex(tables.bodies).max('body as last_body');
  const { rows } = await session.run(statementOf(query));
  return 1 + Number(rows[0]?.['last_body'] ?? 0);
}

/** What the database gives for bytes; Oracle makes no difference between none and null. */
export function bytesOf(value: Row[string] | undefined): Uint8Array {
  return value instanceof Uint8Array ? value : new Uint8Array(0);
}

async function* allRows(
  session: Session,
  place: Place,
  table: string,
  key: string,
): AsyncGenerator<Row> {
  for await (const rows of pagesOf(session, place, table, key, ROWS_PER_READ)) yield* rows;
}

/** The rows of a table in the order of its key. */
async function* pagesOf(
  session: Session,
  { database }: Place,
  table: string,
  key: string,
  rowCount: number,
): AsyncGenerator<readonly Row[]> {
  let last: Row[string] | undefined;
  for (;;) {
    const query = database.knex(table).select('*').orderBy(key).limit(rowCount);
    if (last !== undefined) query.where(key, '>', last as string | number);
    const { rows } = await session.run(statementOf(query));
    if (rows.length > 0) yield rows;
    if (rows.length < rowCount) return;
    last = rows.at(-1)?.[key];
  }
}
