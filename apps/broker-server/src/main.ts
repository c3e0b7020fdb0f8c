/** The `batonmq` program: its commands, and how it ends. */
import { Command, CommanderError } from 'commander';
import { isBrokerError } from '@batonmq/model';
import { browseCommand } from './command/browse.ts';
import { consumeCommand } from './command/consume.ts';
import { produceCommand } from './command/produce.ts';
import { startCommand } from './command/start.ts';
import { statusCommand } from './command/status.ts';
import { storeCommand } from './command/store.ts';
import { EXIT, exitCodeOf } from './exit-code.ts';
import { packageVersion } from './package-version.ts';

const program = new Command('batonmq')
  .description('A message broker that loses no message when a machine dies.')
  .version(packageVersion())
  .addCommand(startCommand())
  .addCommand(statusCommand())
  .addCommand(produceCommand())
  .addCommand(consumeCommand())
  .addCommand(browseCommand())
  .addCommand(storeCommand())
  .showHelpAfterError('Try batonmq --help, or --help after a command.')
  .exitOverride();
for (const command of program.commands) command.exitOverride();

try {
  await program.parseAsync();
} catch (error) {
  process.exitCode = report(error);
}

/** Says what went wrong on standard error; returns the exit code for it. */
function report(error: unknown): number {
  // Commander has said its part already.
  if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.success : EXIT.usage;
  if (isBrokerError(error)) process.stderr.write(`batonmq: ${error.message} (${error.code})\n`);
  else
    process.stderr.write(
      `batonmq: unexpected: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`,
    );
  return exitCodeOf(error);
}
