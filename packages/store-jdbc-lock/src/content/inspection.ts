import { epoch } from '@batonmq/model';
import type { StoreInspection } from '@batonmq/store-spi';
import type { Session } from '../database/session.ts';
import { statementOf } from '../database/statement-of.ts';
import { findLease, type Place } from '../schema/migrate.ts';
import { SCHEMA_VERSION } from '../schema/migrations.ts';

/** What the tables say of themselves, also while another broker writes. */
export async function inspectTables(
  session: Session,
  place: Place,
): Promise<Omit<StoreInspection, 'isHeldHere'>> {
  const { database, tables } = place;
  const lease = await findLease(session, place);
  const nothing = { messageCount: 0, liveBytes: 0, usedBytes: 0, lagBytes: 0, pins: [] };
  // Before the first broker came to the tables there is nothing to count.
  if (lease === undefined || lease.schemaVersion < SCHEMA_VERSION) {
    return { ...nothing, epoch: lease?.epoch ? epoch(lease.epoch) : undefined };
  }
  const { knex } = database;
  const counted = knex(tables.destinations)
    .sum('message_count as message_count')
    .sum('message_bytes as message_bytes');
  const length = database.kind === 'oracle' ? 'dbms_lob.getlength' : 'length';
  const shared = knex(tables.bodies).select(
    knex.raw(`sum((place_count - 1) * ${length}(payload)) as shared_bytes`),
  );
  const number = async (query: Parameters<typeof statementOf>[0], column: string) => {
    const { rows } = await session.run(statementOf(query));
    return Number(rows[0]?.[column] ?? 0);
  };
  const messageBytes = await number(counted, 'message_bytes');
  const { rows } = await session.run(database.usedBytes(tables));
  return {
    ...nothing,
    epoch: epoch(lease.epoch),
    messageCount: await number(counted, 'message_count'),
    liveBytes: messageBytes - (await number(shared, 'shared_bytes')),
    usedBytes: Number(rows[0]?.['bytes'] ?? 0),
  };
}
