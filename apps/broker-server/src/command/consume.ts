import { Command, Option } from 'commander';
import { connect, type ReceivedMessage } from '@batonmq/client';
import { Progress } from '../terminal/progress.ts';
import { formatCount } from '../terminal/units.ts';
import { interruption, wholeNumber, withClientFlags, type ClientFlags } from './client-flags.ts';
import { loginFromEnvironment } from './login.ts';
import { bodyText } from './message-text.ts';

interface ConsumeFlags extends ClientFlags {
  readonly count: number;
  readonly timeout?: number;
  readonly ack: 'auto' | 'client' | 'individual' | 'transacted';
  readonly quiet?: true;
}

/** `batonmq consume`. */
export function consumeCommand(): Command {
  const command = new Command('consume').description('receive messages and print their bodies');
  return withClientFlags(command)
    .option('--count <n>', 'stop after so many; 0 is never', wholeNumber(0), 0)
    .option('--timeout <ms>', 'stop when nothing came for so long', wholeNumber(1))
    .addOption(
      new Option('--ack <mode>', 'when a message counts as consumed')
        .choices(['auto', 'client', 'individual', 'transacted'])
        .default('auto'),
    )
    .option('--quiet', 'print totals only')
    .action(consume);
}

async function consume(flags: ConsumeFlags): Promise<void> {
  const signal = interruption();
  await using connection = await connect(flags.url, { signal, ...loginFromEnvironment() });
  const isTransacted = flags.ack === 'transacted';
  await using session = await connection.createSession(
    flags.ack === 'transacted' ? { isTransacted } : { acknowledge: flags.ack },
  );
  const consumer = await session.createConsumer(flags.destination);
  const progress = new Progress();
  let receivedCount = 0;
  while (flags.count === 0 || receivedCount < flags.count) {
    const message = await consumer.receive({ timeoutMs: flags.timeout ?? -1, signal }).catch(ended);
    if (message === undefined) break;
    receivedCount += 1;
    if (flags.quiet !== true) process.stdout.write(`${bodyText(message)}\n`);
    else progress.show(() => formatCount(receivedCount, 'message'));
    if (flags.ack === 'client' || flags.ack === 'individual') await message.acknowledge();
    if (isTransacted) await session.commit();
  }
  progress.end();
  process.stderr.write(`${formatCount(receivedCount, 'message')} received\n`);

  function ended(error: unknown): ReceivedMessage | undefined {
    if (signal.aborted) return undefined;
    throw error;
  }
}
