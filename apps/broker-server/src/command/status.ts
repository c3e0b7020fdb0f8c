import type { LimitStatus } from '@batonmq/broker-core';
import { Command } from 'commander';
import type { ServerStatus } from '../status.ts';
import { ADMIN_OPTION, askBroker } from './admin-request.ts';
import { formatBytes, formatCount } from '../terminal/units.ts';

/** `batonmq status`. */
export function statusCommand(): Command {
  return new Command('status')
    .description('ask a running broker for its role, its store and its destinations')
    .option(...ADMIN_OPTION)
    .option('--json', 'print everything as JSON')
    .action(async ({ admin, json }: { admin: string; json?: true }) => {
      const status = await askBroker<ServerStatus>(admin, '/status');
      const text = json === true ? JSON.stringify(status, undefined, 2) : formatStatus(status);
      process.stdout.write(`${text}\n`);
    });
}

/** The status as a person reads it. */
export function formatStatus(status: ServerStatus): string {
  const { store } = status;
  const size =
    store.messageCount === undefined ? '' : `, ${formatCount(store.messageCount, 'message')}`;
  const problem = store.problem === undefined ? '' : `, ${store.problem}`;
  const lines = [
    `${status.name}  ${status.role}${status.epoch === undefined ? '' : `, epoch ${status.epoch}`}`,
    `  up         ${status.uptimeSeconds} s, process ${status.processId}, ${formatBytes(status.residentBytes)}`,
    `  clients    ${status.listening.join('  ') || 'not served here'}`,
    `  messages   ${store.uri}${size}${problem}`,
  ];
  const usage = formatLimits(status.limits);
  if (usage !== '') lines.push(`  used       ${usage}`);
  for (const each of status.destinations) {
    const { destination, messageCount, consumerCount, inFlightCount } = each;
    const used = formatLimits(each.limits.filter(({ used }) => used > 0));
    lines.push(
      `  ${destination}  ${formatCount(messageCount, 'message')}, ${inFlightCount} in flight, ${formatCount(consumerCount, 'consumer')}${used === '' ? '' : `, ${used}`}`,
    );
  }
  return lines.join('\n');
}

function formatLimits(limits: readonly LimitStatus[]): string {
  return limits.map(({ name, percent }) => `${name} ${percent} %`).join(', ');
}
