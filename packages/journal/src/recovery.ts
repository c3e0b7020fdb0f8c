/** From what is on disk to an index: the newest checkpoint that holds, then the batches after it. */
import { BrokerError } from '@batonmq/model';
import { readCheckpoint } from './checkpoint.ts';
import { listJournal, pathOf } from './journal-directory.ts';
import { JournalIndex } from './journal-index.ts';
import { LogReader, type LogReaderEnvironment } from './log-reader.ts';

/**
 * Tries the checkpoints from the newest to the oldest, then the whole journal from its first batch.
 * A damaged checkpoint costs time, not data: the segments behind the one before it are kept.
 *
 * @param isFinal - No one writes any more; see {@link LogReader.advance}.
 * @throws `BATON_CORRUPT`, `BATON_STORE_FORMAT`; the platform's `ENOENT` if files went away meanwhile.
 */
export async function recoverIndex(
  environment: LogReaderEnvironment,
  isFinal: boolean,
): Promise<LogReader> {
  const { files, directory, logger } = environment;
  for (const { name } of (await listJournal(files, directory)).checkpoints) {
    const path = pathOf(directory, name);
    const index = await readCheckpoint(files, path);
    if (index === undefined) {
      logger.log('warn', 'a checkpoint is damaged; the one before it is used', { file: path });
      continue;
    }
    const reader = new LogReader(index, environment);
    if ((await advanceOrClose(reader, isFinal)) === 'current') return reader;
    await reader.close();
    logger.log('info', 'a checkpoint was overtaken by a later epoch', { file: path });
  }
  const reader = new LogReader(new JournalIndex(), environment);
  if ((await advanceOrClose(reader, isFinal)) === 'current') return reader;
  await reader.close();
  throw Object.assign(
    new BrokerError(
      'BATON_STORE_FAILED',
      `Files of the journal in ${directory} went away while it was read`,
    ),
    { isTransient: true },
  );
}

async function advanceOrClose(
  reader: LogReader,
  isFinal: boolean,
): ReturnType<LogReader['advance']> {
  try {
    return await reader.advance(isFinal);
  } catch (error) {
    await reader.close();
    throw error;
  }
}
