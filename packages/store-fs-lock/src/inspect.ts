/** Looks at a store directory from outside: no lock is taken and nothing changes, whoever is active. */
import {
  inspectJournal,
  verifyJournal,
  type JournalInspection,
  type JournalVerification,
} from '@batonmq/journal';
import type { Epoch } from '@batonmq/model';
import type { Files, RuntimeComponents } from '@batonmq/runtime';
import type { SpacePin, StoreInspection } from '@batonmq/store-spi';
import { join } from 'node:path';
import { checkFormat, directoryPaths, findJournal, journalDirectory } from './directory-layout.ts';
import { look } from './lock-file.ts';
import type { LockRecord } from './lock-record.ts';
import { storeError } from './store-error.ts';

/** What is in a store directory. */
export interface DirectoryInspection {
  /** Of the newest owner; `undefined` if nobody has ever stored anything here. */
  readonly epoch: Epoch | undefined;
  /** What the last holder of the lock wrote about itself; it may have died since. */
  readonly lock: LockRecord | undefined;
  readonly journal: JournalInspection | undefined;
}

/**
 * Sizes, what keeps each segment, and who holds the directory.
 *
 * @throws `BATON_STORE_FORMAT` for a directory of another version or another program;
 * `BATON_STORE_FAILED` if it cannot be read.
 */
export async function inspectDirectory(
  directory: string,
  components: RuntimeComponents,
): Promise<DirectoryInspection> {
  return reading(directory, components, async (epoch) => {
    const owner = await look(components.files, directoryPaths(directory).owner);
    const lock = owner?.record;
    if (epoch === undefined) return { epoch, lock, journal: undefined };
    const journal = await inspectJournal({
      directory: journalDirectory(directory, epoch),
      components,
    });
    return { epoch, lock, journal };
  });
}

/**
 * Reads everything that is stored and checks every checksum. `undefined` if nothing was ever stored.
 *
 * @throws as {@link inspectDirectory}.
 */
export async function verifyDirectory(
  directory: string,
  components: RuntimeComponents,
  onProgress?: (progress: { readonly doneBytes: number; readonly totalBytes: number }) => void,
): Promise<JournalVerification | undefined> {
  return reading(directory, components, async (epoch) =>
    epoch === undefined
      ? undefined
      : verifyJournal({
          directory: journalDirectory(directory, epoch),
          components,
          ...(onProgress && { onProgress }),
        }),
  );
}

/** Path of the journal in a store directory, whoever owns it; one that does not exist if there is none. */
export async function journalPathOf(files: Files, directory: string): Promise<string> {
  const current = await findJournal(files, directory);
  return current === undefined ? join(directory, 'journal') : journalDirectory(directory, current);
}

/** A journal's inspection in the terms of the store contract. */
export function storeInspection(journal: JournalInspection): Omit<StoreInspection, 'isHeldHere'> {
  const { epoch, messageCount, liveBytes, usedBytes, segments } = journal;
  const pins = segments.map((segment): SpacePin => ({
    what: segment.file,
    bytes: segment.bytes,
    liveBytes: segment.liveBytes,
    why: segment.why,
  }));
  return { epoch, messageCount, liveBytes, usedBytes, lagBytes: 0, pins };
}

async function reading<Result>(
  directory: string,
  { files }: RuntimeComponents,
  read: (epoch: Epoch | undefined) => Promise<Result>,
): Promise<Result> {
  try {
    await checkFormat(files, directoryPaths(directory));
    const epoch = await findJournal(files, directory);
    try {
      return await read(epoch);
    } catch (error) {
      // A takeover renames the journal under whoever reads it; that is worth one more look.
      const now = await findJournal(files, directory);
      if (now === epoch) throw error;
      return await read(now);
    }
  } catch (error) {
    throw storeError(error, directory);
  }
}
