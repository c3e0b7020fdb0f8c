import { Command } from 'commander';
import { connect } from '@batonmq/client';
import { formatCount } from '../terminal/units.ts';
import { interruption, wholeNumber, withClientFlags, type ClientFlags } from './client-flags.ts';
import { loginFromEnvironment } from './login.ts';
import { bodyText } from './message-text.ts';

interface BrowseFlags extends ClientFlags {
  readonly count: number;
}

/** `batonmq browse`. */
export function browseCommand(): Command {
  const command = new Command('browse').description('show the messages of a queue and leave them');
  return withClientFlags(command)
    .option('--count <n>', 'show at most so many', wholeNumber(1), 100)
    .action(browse);
}

async function browse(flags: BrowseFlags): Promise<void> {
  const signal = interruption();
  await using connection = await connect(flags.url, { signal, ...loginFromEnvironment() });
  let shownCount = 0;
  for await (const message of connection.browse(flags.destination, { signal })) {
    process.stdout.write(`${message.id}  ${bodyText(message)}\n`);
    shownCount += 1;
    if (shownCount === flags.count) break;
  }
  process.stderr.write(`${formatCount(shownCount, 'message')} shown\n`);
}
