import type { Tables } from '../../schema/tables.ts';
import type { ChangeSet } from '../../write/change-set.ts';
import { asksForPlaces, closingSteps, portableWrite } from '../../write/portable-write.ts';
import type { MatchQuery, Step } from '../../write/step.ts';
import type { Fence } from '../database.ts';
import type { Row } from '../session.ts';
import type { OracleSession, Transaction } from './oracle-session.ts';
import { batchesOf, statementsOf } from './step-batches.ts';

/** A change in one transaction: the fence first, then a way to the server and back for each step, then the commit. */
export function writeToOracle(
  session: OracleSession,
  changes: ChangeSet,
  tables: Tables,
  fence: Fence,
): Promise<boolean> {
  const write = portableWrite(changes, tables, fence);
  return session.transaction(async (transaction) => {
    const changedCount = await carryOut(transaction, write.fence);
    if (changedCount !== 1) return false;
    const counts = await found(transaction, write.removedCounts);
    const places = asksForPlaces(write, counts)
      ? await found(transaction, write.removedPlaces)
      : [];
    for (const step of [...write.steps, ...closingSteps(write, counts, places)]) {
      await carryOut(transaction, step);
    }
    return true;
  });
}

/** Resolves with the number of rows that it changed. */
async function carryOut(transaction: Transaction, step: Step): Promise<number> {
  let changedCount = 0;
  for (const batch of batchesOf(step)) changedCount += await transaction.change(batch);
  return changedCount;
}

async function found(
  transaction: Transaction,
  query: MatchQuery | undefined,
): Promise<readonly Row[]> {
  if (query === undefined) return [];
  const rows: Row[] = [];
  for (const statement of statementsOf(query)) rows.push(...(await transaction.ask(statement)));
  return rows;
}
