/** What a broker has to know before it serves. None of it grows with the messages that wait. */
import { destinationNumber, sequence } from '@batonmq/model';
import type { RecoveryVisitor } from '@batonmq/store-spi';
import type { Knex } from 'knex';
import { unescapeName } from '../database/names.ts';
import type { Row, Session } from '../database/session.ts';
import { statementOf } from '../database/statement-of.ts';
import type { Place } from '../schema/migrate.ts';

/** Rows read at once: a store with a million of them is read in pieces. */
const ROWS_PER_READ = 5_000;

/** Tells the visitor what is stored. */
export async function recover(
  session: Session,
  place: Place,
  visitor: RecoveryVisitor,
): Promise<void> {
  for await (const row of destinationRows(session, place)) {
    const nextSequence = Number(row['next_sequence']);
    visitor.destination({
      destination: destinationNumber(Number(row['destination'])),
      key: unescapeName(String(row['destination_key'])),
      messageCount: Number(row['message_count']),
      messageBytes: Number(row['message_bytes']),
      firstSequence: sequence(Number(row['first_sequence'] ?? nextSequence)),
      nextSequence: sequence(nextSequence),
    });
  }
  const { producers, states } = place.tables;
  for await (const row of allRows(session, place, producers, 'producer_hash')) {
    visitor.producer(unescapeName(String(row['producer'])), Number(row['sequence']));
  }
  for await (const row of allRows(session, place, states, 'state_hash')) {
    const [space, key] = [row['space'], row['state_key']].map((name) => unescapeName(String(name)));
    visitor.state(space ?? '', key ?? '', bytesOf(row['value']));
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

function destinationRows(session: Session, place: Place): AsyncIterable<Row> {
  const { database, tables } = place;
  const { knex } = database;
  const first = knex(`${tables.messages} as m`)
    .min('m.sequence')
    .whereRaw('?? = ??', ['m.destination', `${tables.destinations}.destination`])
    .as('first_sequence');
  return allRows(session, place, tables.destinations, 'destination', (query) =>
    query.select(`${tables.destinations}.*`, first),
  );
}

/** The rows of a table in the order of its key. */
async function* allRows(
  session: Session,
  { database }: Place,
  table: string,
  key: string,
  selecting: (query: Knex.QueryBuilder) => Knex.QueryBuilder = (query) => query.select('*'),
): AsyncGenerator<Row> {
  let last: Row[string] | undefined;
  for (;;) {
    const query = selecting(database.knex(table)).orderBy(`${table}.${key}`).limit(ROWS_PER_READ);
    if (last !== undefined) query.where(`${table}.${key}`, '>', last as string | number);
    const { rows } = await session.run(statementOf(query));
    yield* rows;
    if (rows.length < ROWS_PER_READ) return;
    last = rows.at(-1)?.[key];
  }
}
