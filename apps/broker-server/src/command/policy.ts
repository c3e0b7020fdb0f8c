import type { EffectivePolicy } from '@batonmq/broker-core';
import { Command } from 'commander';
import { ADMIN_OPTION, askBroker } from './admin-request.ts';

/** `batonmq policy`. */
export function policyCommand(): Command {
  return new Command('policy')
    .description('show every policy in force for a destination, and which entry says so')
    .argument('<destination>', 'queue://NAME or topic://NAME; a bare name is a queue')
    .option(...ADMIN_OPTION)
    .option('--json', 'print it as JSON')
    .action(async (destination: string, { admin, json }: { admin: string; json?: true }) => {
      const path = `/policy?destination=${encodeURIComponent(destination)}`;
      const policy = await askBroker<EffectivePolicy>(admin, path);
      const text = json === true ? JSON.stringify(policy, undefined, 2) : formatPolicy(policy);
      process.stdout.write(`${text}\n`);
    });
}

/** The policy as a person reads it: what somebody set comes first. */
export function formatPolicy(policy: EffectivePolicy): string {
  const values = Object.entries(policy);
  const isSet = ([, { source }]: (typeof values)[number]): boolean => source !== 'default';
  const sorted = [...values.filter(isSet), ...values.filter((each) => !isSet(each))];
  return sorted
    .map(([name, { value, source }]) => {
      const text = value === null ? 'none' : JSON.stringify(value);
      return `${name}: ${text}  # ${source}`;
    })
    .join('\n');
}
