import fs, { constants } from 'node:fs';
import { join } from 'node:path';
import type { Files, FileStatus, OpenFile, OpenMode } from '../files.ts';

const OPEN_FLAGS: Readonly<Record<OpenMode, number>> = {
  read: constants.O_RDONLY,
  'read-write': constants.O_RDWR,
  create: constants.O_RDWR | constants.O_CREAT | constants.O_EXCL,
  'open-or-create': constants.O_RDWR | constants.O_CREAT,
};

/** New files are for their owner and group; what a message says is nobody else's business. */
const FILE_MODE = 0o640;

/** The machine's file system. Errors are Node's own, with their `code`. */
export function nodeFiles(): Files {
  return {
    async open(path: string, mode: OpenMode): Promise<OpenFile> {
      return new NodeFile(path, await openDescriptor(path, OPEN_FLAGS[mode]));
    },
    openSync(path: string, mode: OpenMode): OpenFile {
      return new NodeFile(path, fs.openSync(path, OPEN_FLAGS[mode], FILE_MODE));
    },
    async list(directory: string): Promise<readonly string[]> {
      return (await fs.promises.readdir(directory)).sort();
    },
    status: (path: string) => orUndefined(fs.promises.stat(path, { bigint: true })),
    statusSync(path: string): FileStatus | undefined {
      const stats = fs.statSync(path, { bigint: true, throwIfNoEntry: false });
      return stats && fileStatus(stats);
    },
    async makeDirectory(path: string): Promise<void> {
      await fs.promises.mkdir(path, { recursive: true });
    },
    rename: (from: string, to: string) => fs.promises.rename(from, to),
    remove: (path: string) => fs.promises.rm(path, { recursive: true, force: true }),
    syncDirectory,
    async freeBytes(path: string): Promise<number> {
      const { bavail, bsize } = await fs.promises.statfs(path);
      return bavail * bsize;
    },
  };
}

class NodeFile implements OpenFile {
  readonly path: string;
  readonly descriptor: number;
  #isClosed = false;

  constructor(path: string, descriptor: number) {
    this.path = path;
    this.descriptor = descriptor;
  }

  writeSync(bytes: Uint8Array, position: number): void {
    let done = 0;
    while (done < bytes.length) {
      done += fs.writeSync(this.descriptor, bytes, done, bytes.length - done, position + done);
    }
  }

  async write(bytes: Uint8Array, position: number): Promise<void> {
    let done = 0;
    while (done < bytes.length) {
      done += await writeSome(this.descriptor, bytes, done, position + done);
    }
  }

  readSync(into: Uint8Array, position: number): number {
    let done = 0;
    while (done < into.length) {
      const count = fs.readSync(this.descriptor, into, done, into.length - done, position + done);
      if (count === 0) break;
      done += count;
    }
    return done;
  }

  async read(into: Uint8Array, position: number): Promise<number> {
    let done = 0;
    while (done < into.length) {
      const count = await readSome(this.descriptor, into, done, position + done);
      if (count === 0) break;
      done += count;
    }
    return done;
  }

  datasync(): Promise<void> {
    return new Promise((resolve, reject) => {
      fs.fdatasync(this.descriptor, settle(resolve, reject));
    });
  }

  datasyncSync(): void {
    fs.fdatasyncSync(this.descriptor);
  }

  truncate(sizeBytes: number): Promise<void> {
    return new Promise((resolve, reject) => {
      fs.ftruncate(this.descriptor, sizeBytes, settle(resolve, reject));
    });
  }

  status(): Promise<FileStatus> {
    return new Promise((resolve, reject) => {
      fs.fstat(this.descriptor, { bigint: true }, (error, stats) => {
        if (error) reject(error);
        else resolve(fileStatus(stats));
      });
    });
  }

  statusSync(): FileStatus {
    return fileStatus(fs.fstatSync(this.descriptor, { bigint: true }));
  }

  close(): Promise<void> {
    // A second close of the same number could close somebody else's file.
    if (this.#isClosed) return Promise.resolve();
    this.#isClosed = true;
    return new Promise((resolve, reject) => {
      fs.close(this.descriptor, settle(resolve, reject));
    });
  }
}

/** Descriptors rather than `FileHandle`s: a handle cannot write synchronously, and closes itself when collected. */
function openDescriptor(path: string, flags: number): Promise<number> {
  return new Promise((resolve, reject) => {
    fs.open(path, flags, FILE_MODE, (error, descriptor) => {
      if (error) reject(error);
      else resolve(descriptor);
    });
  });
}

function writeSome(fd: number, bytes: Uint8Array, from: number, position: number): Promise<number> {
  return new Promise((resolve, reject) => {
    fs.write(fd, bytes, from, bytes.length - from, position, (error, count) => {
      if (error) reject(error);
      else resolve(count);
    });
  });
}

function readSome(fd: number, into: Uint8Array, from: number, position: number): Promise<number> {
  return new Promise((resolve, reject) => {
    fs.read(fd, into, from, into.length - from, position, (error, count) => {
      if (error) reject(error);
      else resolve(count);
    });
  });
}

function settle(
  resolve: () => void,
  reject: (error: Error) => void,
): (error: NodeJS.ErrnoException | null) => void {
  return (error) => {
    if (error) reject(error);
    else resolve();
  };
}

/** From big integers: file numbers of 64 bits, as NFS servers give them, would be rounded and two files be one. */
function fileStatus(stats: fs.BigIntStats): FileStatus {
  return {
    sizeBytes: Number(stats.size),
    identity: `${stats.dev}:${stats.ino}`,
    isDirectory: stats.isDirectory(),
    modifiedAt: Number(stats.mtimeMs),
  };
}

async function orUndefined(stats: Promise<fs.BigIntStats>): Promise<FileStatus | undefined> {
  try {
    return fileStatus(await stats);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

async function syncDirectory(directory: string): Promise<void> {
  const handle = await fs.promises.open(join(directory, '.'), constants.O_RDONLY);
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
