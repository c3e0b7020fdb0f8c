import { InvalidArgumentError, type Command } from 'commander';

/** Flags of every command that is a client. */
export interface ClientFlags {
  readonly url: string;
  readonly destination: string;
}

export function withClientFlags(command: Command): Command {
  return command
    .option(
      '--uri, --url <uri>',
      'tcp:, ssl:, ws:, wss://HOST:PORT or failover:(…)',
      'failover:(tcp://127.0.0.1:61616)',
    )
    .option('--destination <name>', 'queue://NAME or topic://NAME', 'queue://TEST');
}

/** Reads a whole number from `least` up, or tells commander what is wrong. */
export function wholeNumber(least: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (Number.isSafeInteger(value) && value >= least && text.trim() !== '') return value;
    throw new InvalidArgumentError(`It must be a whole number from ${least} up.`);
  };
}

/** Aborts at the first ^C or SIGTERM, so that a client ends in order; the second one ends the program. */
export function interruption(): AbortSignal {
  const controller = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => {
      controller.abort();
    });
  }
  return controller.signal;
}
