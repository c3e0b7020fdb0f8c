import type { RuntimeComponents } from '@batonmq/runtime';
import type { StoreCapabilities, StorePlugin } from '@batonmq/store-spi';

/** One place of storage (a directory, a database): what several stores share and what outlives them. */
export interface StorePlace {
  /** Creates a store on this place each time it is opened. */
  readonly plugin: StorePlugin;
  /**
   * The outside world it runs in; read each time a store is opened.
   *
   * @defaultValue `nodeRuntime()`
   */
  readonly components?: RuntimeComponents;
}

/** How the suites run and reach an implementation. `Place` may carry whatever the hooks need. */
export interface StoreSuiteOptions<Place extends StorePlace = StorePlace> {
  /** Registers one test: `test` of node:test, vitest, tape with promises, … */
  readonly test: (name: string, run: () => Promise<void>) => unknown;
  /** As in the manifest, which a test compares. They alone decide which promises are tested. */
  readonly capabilities: StoreCapabilities;
  /** An empty place that no other test sees. */
  readonly create: () => Place | Promise<Place>;
  /** Removes a place after its test; its stores are closed. */
  readonly destroy?: (place: Place) => void | Promise<void>;
  /**
   * Cuts the power: everything that was not durable is gone, and the stores that were open on the
   * place are dead; what they still do must reach nothing. Required if `isDurable`.
   */
  readonly crash?: (place: Place) => void | Promise<void>;
  /**
   * Takes the right to write from its holder without telling it, as an expired lease or a lost lock
   * does, so that the next in line gets it. Required if `isShared`.
   */
  readonly depose?: (place: Place) => void | Promise<void>;
  /**
   * An empty place with room for 256 KiB of messages at least and 16 MiB at most. A store that can
   * run full in a test gives it, and is held to `BATON_STORE_FULL`.
   */
  readonly createSmall?: () => Place | Promise<Place>;
}
