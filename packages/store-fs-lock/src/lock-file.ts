/**
 * The file `lock` of a store directory: a kernel lock over the whole of it, and a record of who
 * holds it. ActiveMQ's `SharedFileLocker` locks the first bytes of a file of the same name, so the
 * two exclude each other.
 */
import type { Files, OpenFile } from '@batonmq/runtime';
import { waitForLock, tryLock } from 'fs-native-extensions';
import {
  decodeLockRecord,
  encodeLockRecord,
  LOCK_RECORD_BYTES,
  type LockRecord,
} from './lock-record.ts';

/** The kernel's side of a lock, apart so that a simulation, which has no descriptors, can stand in. */
export interface KernelLocks {
  /** Takes the lock if it is free; taking it again through the same open file succeeds. */
  tryLock(file: OpenFile): boolean;
  /** Resolves when the lock is taken; cannot be called off. */
  waitForLock(file: OpenFile): Promise<void>;
}

/** Locks of the open file description: other descriptors of the process may close without losing it. */
export const kernelLocks: KernelLocks = {
  tryLock: (file) => tryLock(file.descriptor),
  waitForLock: (file) => waitForLock(file.descriptor),
};

/** What a name leads to at one moment. */
export interface LockSighting {
  readonly identity: string;
  readonly record: LockRecord | undefined;
}

/** One open lock file. Holding the kernel lock, not having it open, gives the right to write to it. */
export class LockFile {
  readonly #file: OpenFile;
  readonly #locks: KernelLocks;
  /** Device and inode: two lock files are the same only if these are. */
  readonly identity: string;

  private constructor(file: OpenFile, locks: KernelLocks) {
    this.#file = file;
    this.#locks = locks;
    this.identity = file.statusSync().identity;
  }

  static async open(files: Files, locks: KernelLocks, path: string): Promise<LockFile> {
    return new LockFile(await files.open(path, 'open-or-create'), locks);
  }

  tryLock(): boolean {
    return this.#locks.tryLock(this.#file);
  }

  waitForLock(): Promise<void> {
    return this.#locks.waitForLock(this.#file);
  }

  /** The record as this descriptor sees it; after the lock was granted that is the last one written. */
  readSync(): LockRecord | undefined {
    return readRecordSync(this.#file);
  }

  /** Writes the record and makes it durable: only then has the file server seen it. */
  write(record: LockRecord): Promise<void> {
    return writeRecord(this.#file, record);
  }

  /** Gives a held lock back. */
  close(): Promise<void> {
    return this.#file.close();
  }
}

export async function writeRecord(file: OpenFile, record: LockRecord): Promise<void> {
  await file.write(encodeLockRecord(record), 0);
  await file.datasync();
}

/**
 * Looks at a record by the name of its file. It opens the file anew and only for reading: then an
 * NFS client asks the server whether the bytes it has are still right.
 */
export async function look(files: Files, path: string): Promise<LockSighting | undefined> {
  let file: OpenFile;
  try {
    file = await files.open(path, 'read');
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
  try {
    const { identity } = await file.status();
    return { identity, record: await readRecord(file) };
  } finally {
    await file.close();
  }
}

/**
 * A read that meets a rewrite may see half of it, which the checksum tells. The rewrite is one short
 * copy in the kernel, so that a few more reads see a whole record if there is one.
 */
const READ_ATTEMPTS = 4;

function readRecordSync(file: OpenFile): LockRecord | undefined {
  const bytes = new Uint8Array(LOCK_RECORD_BYTES);
  for (let attempt = 0; attempt < READ_ATTEMPTS; attempt += 1) {
    const record = decodeLockRecord(bytes.subarray(0, file.readSync(bytes, 0)));
    if (record) return record;
  }
  return undefined;
}

async function readRecord(file: OpenFile): Promise<LockRecord | undefined> {
  const bytes = new Uint8Array(LOCK_RECORD_BYTES);
  for (let attempt = 0; attempt < READ_ATTEMPTS; attempt += 1) {
    const record = decodeLockRecord(bytes.subarray(0, await file.read(bytes, 0)));
    if (record) return record;
  }
  return undefined;
}

/** `ESTALE` is how an NFS server says that a file it once knew is gone. */
function isMissing(error: unknown): boolean {
  const code = (error as NodeJS.ErrnoException).code;
  return code === 'ENOENT' || code === 'ESTALE';
}
