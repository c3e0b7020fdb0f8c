/** Open files of segments, for reading: a bounded number, closed when nobody reads them. */
import type { Files, OpenFile } from '@batonmq/runtime';

/** Larger: more descriptors; smaller: more opening when a backlog is spread over many segments. */
const OPEN_FILES_MAX = 64;

interface Entry {
  readonly path: string;
  readonly file: Promise<OpenFile>;
  userCount: number;
  isForgotten: boolean;
}

export class SegmentFiles {
  readonly #files: Files;
  /** Least recently used first. */
  readonly #entries = new Map<string, Entry>();

  constructor(files: Files) {
    this.#files = files;
  }

  /** Calls `read` with the file at `path`, which stays open at least that long. */
  async use<T>(path: string, read: (file: OpenFile) => Promise<T>): Promise<T> {
    const entry = this.#entry(path);
    entry.userCount += 1;
    try {
      return await read(await entry.file);
    } catch (error) {
      this.forget(path);
      throw error;
    } finally {
      entry.userCount -= 1;
      if (entry.userCount === 0 && entry.isForgotten) await close(entry);
      await this.#trim();
    }
  }

  /** Closes a file as soon as nobody reads it. */
  forget(path: string): void {
    const entry = this.#entries.get(path);
    if (entry === undefined) return;
    this.#entries.delete(path);
    entry.isForgotten = true;
    if (entry.userCount === 0) void close(entry);
  }

  async close(): Promise<void> {
    const idle = [...this.#entries.values()].filter((entry) => entry.userCount === 0);
    for (const entry of this.#entries.values()) entry.isForgotten = true;
    this.#entries.clear();
    await Promise.all(idle.map(close));
  }

  #entry(path: string): Entry {
    let entry = this.#entries.get(path);
    if (entry === undefined) {
      entry = { path, file: this.#files.open(path, 'read'), userCount: 0, isForgotten: false };
    } else {
      this.#entries.delete(path);
    }
    this.#entries.set(path, entry);
    return entry;
  }

  async #trim(): Promise<void> {
    for (const entry of this.#entries.values()) {
      if (this.#entries.size <= OPEN_FILES_MAX) return;
      if (entry.userCount > 0) continue;
      this.#entries.delete(entry.path);
      await close(entry);
    }
  }
}

async function close(entry: Entry): Promise<void> {
  // A file that could not be opened has nothing to close; whoever asked for it got the error.
  const file = await entry.file.catch(() => undefined);
  await file?.close();
}
