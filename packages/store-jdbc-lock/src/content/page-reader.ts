import { sequence, type DestinationNumber, type Sequence } from '@batonmq/model';
import type { ReadLimits, StoredMessage } from '@batonmq/store-spi';
import type { Statement } from '../database/session.ts';
import type { SteadySession } from '../database/steady-session.ts';
import { statementOf } from '../database/statement-of.ts';
import type { Place } from '../schema/migrate.ts';
import { bytesOf } from './recovery.ts';

/** Messages of one destination in pages, each by one range of its primary key. */
export async function readPage(
  steady: SteadySession,
  place: Place,
  destination: DestinationNumber,
  from: Sequence,
  limits: ReadLimits,
): Promise<readonly StoredMessage[]> {
  const statement = pageOf(place, destination, from, limits);
  const { rows } = await steady.run((session) => session.run(statement));
  return rows.map((row) => ({
    sequence: sequence(Number(row['sequence'])),
    redeliveryCount: Number(row['redelivery_count']),
    payload: bytesOf(row['own_payload'] ?? row['shared_payload']),
  }));
}

/** Which messages fit is found by their sizes; only then are payloads touched. */
function pageOf(
  { database, tables }: Place,
  destination: DestinationNumber,
  from: Sequence,
  { messageCountMax, bytesMax }: ReadLimits,
): Statement {
  const { knex } = database;
  const next = knex(tables.messages)
    .select('sequence', 'byte_count')
    .where({ destination })
    .where('sequence', '>=', from)
    .orderBy('sequence')
    .limit(messageCountMax);
  const summed = knex
    .from(next.as('n'))
    .select(
      'sequence',
      'byte_count',
      knex.raw('sum(??) over (order by ??) as ??', ['byte_count', 'sequence', 'total']),
    );
  return statementOf(
    knex
      .from(summed.as('s'))
      .join(`${tables.messages} as m`, (join) =>
        join.on('m.sequence', 's.sequence').andOnVal('m.destination', destination),
      )
      .leftJoin(`${tables.bodies} as b`, 'b.body', 'm.body')
      // The first one always fits.
      .whereRaw('(?? <= ? or ?? = ??)', ['s.total', bytesMax, 's.total', 's.byte_count'])
      .select(
        'm.sequence',
        'm.redelivery_count',
        'm.payload as own_payload',
        'b.payload as shared_payload',
      )
      .orderBy('m.sequence'),
  );
}
