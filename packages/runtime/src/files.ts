/**
 * - `read`: must exist, reading only;
 * - `read-write`: must exist;
 * - `create`: must not exist yet (`EEXIST` otherwise), read and write;
 * - `open-or-create`: read and write, made if missing.
 */
export type OpenMode = 'read' | 'read-write' | 'create' | 'open-or-create';

export interface FileStatus {
  readonly sizeBytes: number;
  /** Names the file itself, whatever path leads to it: device and inode. */
  readonly identity: string;
  readonly isDirectory: boolean;
  /** Last change of the content, wall-clock milliseconds of the file server. */
  readonly modifiedAt: number;
}

/** An open file. Errors are the platform's own (`code` is `ENOSPC`, `EIO`, `ENOENT`, …). */
export interface OpenFile {
  readonly path: string;
  /** The kernel's number of the open file, for kernel locks; -1 in a simulation. */
  readonly descriptor: number;
  /** Writes all of `bytes` at `position` before returning; blocks. Visible to readers at once, durable only after {@link datasync}. */
  writeSync(bytes: Uint8Array, position: number): void;
  /** As {@link writeSync}, off the main thread. */
  write(bytes: Uint8Array, position: number): Promise<void>;
  /** Fills `into` from `position`; returns the bytes read, fewer only at the end of the file. */
  readSync(into: Uint8Array, position: number): number;
  read(into: Uint8Array, position: number): Promise<number>;
  /**
   * Makes every write that returned before this call durable. One that fails must never be retried:
   * the system may have dropped the bytes. On a quick disk it may block for the fraction of a
   * millisecond that a few kilobytes from {@link writeSync} take.
   */
  datasync(): Promise<void>;
  /** As {@link datasync}, blocking. */
  datasyncSync(): void;
  truncate(sizeBytes: number): Promise<void>;
  status(): Promise<FileStatus>;
  statusSync(): FileStatus;
  close(): Promise<void>;
}

/** The file system. Paths are the platform's; parents must exist unless said otherwise. */
export interface Files {
  open(path: string, mode: OpenMode): Promise<OpenFile>;
  openSync(path: string, mode: OpenMode): OpenFile;
  /** Names in a directory, sorted, without `.` and `..`. */
  list(directory: string): Promise<readonly string[]>;
  /** `undefined` if there is nothing at `path`. */
  status(path: string): Promise<FileStatus | undefined>;
  statusSync(path: string): FileStatus | undefined;
  /** Makes a directory and its missing parents; none is an error if it exists. */
  makeDirectory(path: string): Promise<void>;
  /** Atomic within a file system; replaces a file at `to`. Durable after {@link syncDirectory} of the parents. */
  rename(from: string, to: string): Promise<void>;
  /** Removes a file, or a directory and all in it; nothing there is no error. */
  remove(path: string): Promise<void>;
  /** Makes creations, renames and removals in a directory durable. */
  syncDirectory(directory: string): Promise<void>;
  /** Free bytes for an ordinary user on the file system of `path`. */
  freeBytes(path: string): Promise<number>;
}
