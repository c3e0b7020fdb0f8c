/** The part of `fs-native-extensions` that is used here; the package ships no types. */
declare module 'fs-native-extensions' {
  /**
   * Takes an exclusive lock of the whole file for the open file description behind `descriptor`.
   * False if another description or process holds one that overlaps.
   */
  export function tryLock(descriptor: number): boolean;
  /** As {@link tryLock}, waiting in a thread of its own. Cannot be cancelled. */
  export function waitForLock(descriptor: number): Promise<void>;
}
