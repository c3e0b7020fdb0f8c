import { Command } from 'commander';
import type { TransactionListing } from '../admin/transactions.ts';
import { formatCount } from '../terminal/units.ts';
import { ADMIN_OPTION, askBroker, tellBroker } from './admin-request.ts';

interface TransactionsFlags {
  readonly admin: string;
  readonly commit?: string;
  readonly rollback?: string;
}

/** `batonmq transactions`. */
export function transactionsCommand(): Command {
  return new Command('transactions')
    .description('list the prepared XA transactions, or decide one in place of its manager')
    .option(...ADMIN_OPTION)
    .option('--commit <transaction>', 'commit that one')
    .option('--rollback <transaction>', 'roll that one back')
    .action(async ({ admin, commit, rollback }: TransactionsFlags) => {
      if (commit !== undefined) await resolve(admin, commit, 'commit');
      if (rollback !== undefined) await resolve(admin, rollback, 'rollback');
      if (commit === undefined && rollback === undefined) await list(admin);
    });
}

async function resolve(admin: string, transaction: string, verdict: string): Promise<void> {
  const query = new URLSearchParams({ transaction, verdict });
  await tellBroker<object>(admin, 'resolve', query.toString());
  process.stdout.write(`${transaction}  ${verdict}: done\n`);
}

async function list(admin: string): Promise<void> {
  const { transactions } = await askBroker<{ transactions: readonly TransactionListing[] }>(
    admin,
    '/transactions',
  );
  const lines = transactions.map(({ transaction, preparedAt, sendCount, ackCount }) => {
    const work = `${formatCount(sendCount, 'send')}, ${formatCount(ackCount, 'ack')}`;
    return `${transaction}  prepared ${preparedAt}, ${work}`;
  });
  lines.push(formatCount(transactions.length, 'prepared transaction'));
  process.stdout.write(`${lines.join('\n')}\n`);
}
