import type { Files, OpenFile, OpenMode } from '@batonmq/runtime';

/**
 * Files that refuse to create, rename or remove anything once `guard` has an objection. The renamed
 * journal directory stops such calls as well, but an NFS client may still find the old name in its
 * cache; this also saves a fenced owner from misreading `ENOENT` as damage.
 *
 * The call that follows a passed guard may still come late. That is harmless as long as what it
 * destroys was copied and synced before: then the new owner has the copy.
 */
export function fencedFiles(files: Files, guard: () => Error | undefined): Files {
  const check = (): void => {
    const objection = guard();
    if (objection) throw objection;
  };
  return {
    async open(path: string, mode: OpenMode): Promise<OpenFile> {
      if (mode !== 'read') check();
      return files.open(path, mode);
    },
    openSync(path: string, mode: OpenMode): OpenFile {
      if (mode !== 'read') check();
      return files.openSync(path, mode);
    },
    async makeDirectory(path: string): Promise<void> {
      check();
      await files.makeDirectory(path);
    },
    async rename(from: string, to: string): Promise<void> {
      check();
      await files.rename(from, to);
    },
    async remove(path: string): Promise<void> {
      check();
      await files.remove(path);
    },
    list: (directory) => files.list(directory),
    status: (path) => files.status(path),
    statusSync: (path) => files.statusSync(path),
    syncDirectory: (directory) => files.syncDirectory(directory),
    freeBytes: (path) => files.freeBytes(path),
  };
}
