import type { RedriveResult } from '@batonmq/broker-core';
import { Command } from 'commander';
import { formatCount } from '../terminal/units.ts';
import { ADMIN_OPTION, tellBroker } from './admin-request.ts';

interface RedriveFlags {
  readonly admin: string;
  readonly limit?: string;
  readonly selector?: string;
  readonly id: readonly string[];
}

/** `batonmq redrive`. */
export function redriveCommand(): Command {
  return new Command('redrive')
    .description('move the dead letters of a queue back to where they came from')
    .argument('<queue>', 'name of the queue of dead letters')
    .option(...ADMIN_OPTION)
    .option('--limit <count>', 'move this many at most')
    .option('--selector <selector>', 'move only those that it lets through')
    .option('--id <id>', 'move only the message of this id; may be given again', addTo, [])
    .action(async (queue: string, { admin, limit, selector, id: ids }: RedriveFlags) => {
      const query = new URLSearchParams({ destination: queue });
      if (limit !== undefined) query.set('limit', limit);
      if (selector !== undefined) query.set('selector', selector);
      for (const id of ids) query.append('id', id);
      const result = await tellBroker<RedriveResult>(admin, 'redrive', query.toString());
      process.stdout.write(`${linesOf(result).join('\n')}\n`);
    });
}

function linesOf({ movedCount, movedTo, notFoundIds }: RedriveResult): readonly string[] {
  return [
    `moved ${formatCount(movedCount, 'message')}`,
    ...movedTo.map(({ destination, messageCount }) => `  ${messageCount} to ${destination}`),
    ...notFoundIds.map((id) => `not found: ${id}`),
  ];
}

function addTo(id: string, ids: readonly string[]): readonly string[] {
  return [...ids, id];
}
