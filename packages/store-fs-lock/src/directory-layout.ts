/**
 * The shared directory:
 *
 * ```
 * lock               kernel lock, and a record of its holder; see lock-record.ts
 * owner              the same record, a file of each holder's own; its count shows that the holder lives
 * owner.new-<uuid>   on its way to be renamed to `owner`
 * lock.next          lock file of one that is deposing a silent holder; renamed to `lock`
 * format             "batonmq-store 1\n": version of this layout
 * journal-<epoch>/   the journal, named for the epoch that writes it
 * ```
 *
 * There is one journal directory. Each acquisition renames it to its own epoch, so every path an
 * older owner still knows leads nowhere: whatever it tries to create, rename or remove fails.
 */
import { BrokerError, epoch, type Epoch } from '@batonmq/model';
import type { Files, OpenFile } from '@batonmq/runtime';
import { join } from 'node:path';

export const STORE_FORMAT_VERSION = 1;
export const OWNER_DRAFT_PREFIX = 'owner.new-';

const FORMAT_PATTERN = /^batonmq-store (\d+)\n/;
const FORMAT_BYTES_MAX = 64;
const JOURNAL_PATTERN = /^journal-(\d{1,15})$/;
const KAHADB_PATTERN = /^(db-\d+\.log|db\.data|db\.redo)$/;

export interface DirectoryPaths {
  readonly directory: string;
  readonly lock: string;
  readonly nextLock: string;
  readonly owner: string;
  readonly format: string;
}

export function directoryPaths(directory: string): DirectoryPaths {
  return {
    directory,
    lock: join(directory, 'lock'),
    nextLock: join(directory, 'lock.next'),
    owner: join(directory, 'owner'),
    format: join(directory, 'format'),
  };
}

export function journalDirectory(directory: string, of: Epoch): string {
  return join(directory, `journal-${of}`);
}

/**
 * Refuses a directory that this version must not write to. Reads only; a directory that is missing
 * or has no store yet passes.
 *
 * @throws `BATON_STORE_FORMAT`
 */
export async function checkFormat(files: Files, paths: DirectoryPaths): Promise<void> {
  const names = await listOrNone(files, paths.directory);
  const foreign = names.find((name) => KAHADB_PATTERN.test(name));
  if (foreign !== undefined) {
    throw new BrokerError(
      'BATON_STORE_FORMAT',
      `${paths.directory} holds a KahaDB of ActiveMQ (${foreign}); BatonMQ needs a directory of its own`,
      { details: { directory: paths.directory, file: foreign } },
    );
  }
  if (!names.includes('format')) return;
  const text = await readStart(files, paths.format);
  const version = FORMAT_PATTERN.exec(text)?.[1];
  if (Number(version) !== STORE_FORMAT_VERSION) {
    throw new BrokerError(
      'BATON_STORE_FORMAT',
      `${paths.directory} has ${version === undefined ? 'an unreadable format file' : `format ${version}`}; this version of BatonMQ reads and writes format ${STORE_FORMAT_VERSION}`,
      { details: { directory: paths.directory, format: version } },
    );
  }
}

/** Epoch of the journal directory, the greatest if strays were left; `undefined` if there is no journal. */
export async function findJournal(files: Files, directory: string): Promise<Epoch | undefined> {
  const names = await listOrNone(files, directory);
  const epochs = names.flatMap((name) => {
    const digits = JOURNAL_PATTERN.exec(name)?.[1];
    return digits === undefined ? [] : [Number(digits)];
  });
  return epochs.length === 0 ? undefined : epoch(Math.max(...epochs));
}

/**
 * Makes the journal directory belong to `mine` and to no earlier epoch, durably. Only the holder of
 * the lock calls this, but it is safe even if two do: one rename succeeds, the other finds nothing.
 *
 * @throws `BATON_FENCED` if the directory has a newer epoch, or got one meanwhile.
 */
export async function claimJournal(
  files: Files,
  paths: DirectoryPaths,
  mine: Epoch,
): Promise<string> {
  const directory = journalDirectory(paths.directory, mine);
  const current = await findJournal(files, paths.directory);
  if (current === undefined) {
    await writeFormat(files, paths);
    await files.makeDirectory(directory);
  } else {
    if (current >= mine) throw newerEpoch(paths.directory, current, mine);
    try {
      await files.rename(journalDirectory(paths.directory, current), directory);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
      throw newerEpoch(paths.directory, undefined, mine);
    }
  }
  await removeDrafts(files, paths.directory);
  await files.syncDirectory(paths.directory);
  return directory;
}

/** Left by those which died, or were fenced, while they took the lock. */
async function removeDrafts(files: Files, directory: string): Promise<void> {
  for (const name of await files.list(directory)) {
    if (name.startsWith(OWNER_DRAFT_PREFIX)) await files.remove(join(directory, name));
  }
}

/** A whole format file or none: a crash in between must not leave one that nobody can read. */
async function writeFormat(files: Files, paths: DirectoryPaths): Promise<void> {
  const draft = `${paths.format}.new`;
  const file = await files.open(draft, 'open-or-create');
  try {
    await file.truncate(0);
    await file.write(Buffer.from(`batonmq-store ${STORE_FORMAT_VERSION}\n`), 0);
    await file.datasync();
  } finally {
    await file.close();
  }
  await files.rename(draft, paths.format);
}

function newerEpoch(directory: string, found: Epoch | undefined, mine: Epoch): BrokerError {
  return new BrokerError(
    'BATON_FENCED',
    `${directory} was taken over by ${found === undefined ? 'a newer epoch' : `epoch ${found}`} before epoch ${mine} could start`,
    { details: { directory, epoch: mine } },
  );
}

async function readStart(files: Files, path: string): Promise<string> {
  let file: OpenFile | undefined;
  try {
    file = await files.open(path, 'read');
    const bytes = new Uint8Array(FORMAT_BYTES_MAX);
    return Buffer.from(bytes.subarray(0, await file.read(bytes, 0))).toString('utf8');
  } finally {
    await file?.close();
  }
}

async function listOrNone(files: Files, directory: string): Promise<readonly string[]> {
  try {
    return await files.list(directory);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}
