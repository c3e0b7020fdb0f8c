import type { Tables } from '../../schema/tables.ts';

/** Figures: bench/write.mjs with payloads of 3 to 20 KB. */
const STORES_PAYLOADS = [
  // Not compressed: a set of 20 KB messages is written in half the time, and of what is sent much is compressed already.
  `alter column payload set storage external`,
  // As much of it as a page holds stays in the row, instead of going to a second table in pieces of 2 KB: a quarter less.
  `set (toast_tuple_target = 8160)`,
];

/** Rows that change all the time do so within their page, without an entry in the index for each change. */
const CHANGES_IN_PLACE = [`set (fillfactor = 50)`];

/**
 * What is consumed is dead space until it is vacuumed, and index entries that a takeover has to pass by. The server looks
 * once a minute; from a fiftieth of the messages on it cleans up, and ten times as fast as it would otherwise.
 */
const COMES_AND_GOES = [
  `set (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_cost_limit = 2000)`,
];

const SETTINGS: Readonly<Record<keyof Tables, readonly string[]>> = {
  lease: CHANGES_IN_PLACE,
  destinations: CHANGES_IN_PLACE,
  messages: [...STORES_PAYLOADS, ...COMES_AND_GOES],
  bodies: [...STORES_PAYLOADS, ...COMES_AND_GOES],
  producers: CHANGES_IN_PLACE,
  states: [`alter column value set storage external`, ...CHANGES_IN_PLACE],
};

/** https://www.postgresql.org/docs/current/sql-createtable.html#SQL-CREATETABLE-STORAGE-PARAMETERS */
export function tableSettings(table: keyof Tables, tables: Tables): readonly string[] {
  return SETTINGS[table].map((setting) => `alter table ${tables[table]} ${setting}`);
}
