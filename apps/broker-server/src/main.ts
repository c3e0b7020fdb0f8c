/** The `batonmq` program: its commands, and how it ends. */
import { Command, CommanderError } from 'commander';
import { isBrokerError } from '@batonmq/model';
import { browseCommand } from './command/browse.ts';
import { consumeCommand } from './command/consume.ts';
import { policyCommand } from './command/policy.ts';
import { produceCommand } from './command/produce.ts';
import { redriveCommand } from './command/redrive.ts';
import { startCommand } from './command/start.ts';
import { statusCommand } from './command/status.ts';
import { transactionsCommand } from './command/transactions.ts';
import { storeCommand } from './command/store.ts';
import { userCommand } from './command/user.ts';
import { EXIT, exitCodeOf } from './exit-code.ts';
import { packageVersion } from './package-version.ts';

const program = new Command('batonmq')
  .description('A message broker that loses no message when a machine dies.')
  .version(packageVersion())
  .addCommand(startCommand())
  .addCommand(statusCommand())
  .addCommand(policyCommand())
  .addCommand(produceCommand())
  .addCommand(consumeCommand())
  .addCommand(browseCommand())
  .addCommand(redriveCommand())
  .addCommand(transactionsCommand())
  .addCommand(storeCommand())
  .addCommand(userCommand())
  .showHelpAfterError('Try batonmq --help, or --help after a command.')
  .exitOverride();
for (const command of program.commands) {
  for (const each of [command, ...command.commands]) each.exitOverride();
}

// Whoever reads our output may leave first (`batonmq consume | head`, a log collector that restarts).
// A broker works on without its log; the other commands have nobody left to work for.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
  if (process.argv[2] !== 'start') process.exit(EXIT.success);
});

let exitCode: number = EXIT.success;
try {
  await program.parseAsync();
} catch (error) {
  exitCode = report(error);
}
// A standby that was stopped may still have a thread waiting for the kernel lock, which cannot be
// called off: without this the process would stay until the active broker ends.
process.exit(exitCode);

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
