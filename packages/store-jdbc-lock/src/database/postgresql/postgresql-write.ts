import type { ChangeSet } from '../../write/change-set.ts';
import type { Fence } from '../database.ts';
import { bigintValue } from './binary-values.ts';
import { destinationParts, removedDestinationParts } from './destination-parts.ts';
import { messageParts } from './message-parts.ts';
import type { PostgresqlSession } from './postgresql-session.ts';
import { stateParts } from './state-parts.ts';
import type { Part, StatementTexts } from './statement-texts.ts';

/**
 * A change as one statement: one way to the server and back, and it commits by itself.
 *
 * Its first part is the fence. It moves the number of the batch on, in the row that says who holds the lease, and waits
 * there for whoever changes that row. Every other part joins it, so without it they do nothing. All parts see the
 * tables as they were when the statement began, so a write must not begin before the one before it was answered.
 *
 * What a removed destination leaves behind has to be gone before another one gets its number, so then there are two
 * statements in one transaction. The first may take long; it does not yet keep the lease from being renewed, and if the
 * fence does not hold in the end, it is undone.
 */
export async function writeToPostgresql(
  session: PostgresqlSession,
  changes: ChangeSet,
  texts: StatementTexts,
  fence: Fence,
): Promise<boolean> {
  const isWritten = async (
    run: PostgresqlSession['runPrepared'],
    parts: readonly Part[],
  ): Promise<boolean> => (await run(texts.statementOf(parts))) > 0;
  const rest = [...messageParts(changes), ...destinationParts(changes), ...stateParts(changes)];
  const removed = changes.removedDestinations;
  if (removed.length === 0) {
    return isWritten((statement) => session.runPrepared(statement), [movingFence(fence), ...rest]);
  }
  return session.transaction(
    async (run) =>
      (await isWritten(run, [standingFence(fence), ...removedDestinationParts(removed)])) &&
      (await isWritten(run, [movingFence(fence), ...rest])),
  );
}

function movingFence({ epoch, batch }: Fence): Part {
  return {
    name: 'moving-fence',
    values: [bigintValue(epoch), bigintValue(batch)],
    sql: ({ lease }, parameter) =>
      `fence as (update ${lease} set batch = ${parameter(1)}::bigint
        where id = 1 and epoch = ${parameter(0)}::bigint and batch = ${parameter(1)}::bigint - 1 returning batch)`,
  };
}

function standingFence({ epoch, batch }: Fence): Part {
  return {
    name: 'standing-fence',
    values: [bigintValue(epoch), bigintValue(batch)],
    sql: ({ lease }, parameter) =>
      `fence as (select batch from ${lease}
        where id = 1 and epoch = ${parameter(0)}::bigint and batch = ${parameter(1)}::bigint - 1)`,
  };
}
