import type { StorePlugin } from '@batonmq/store-spi';
import type { Options } from '../config/option-section.ts';

/** In place of a secret in what people are shown. */
export const HIDDEN = Symbol('hidden');

/** A kind of store: how it is made, and all of its options with what is in force. */
export interface StoreKind {
  make(location: string, options: Options): StorePlugin;
  /** Loads what has to be installed for it. @throws `BATON_INVALID_OPTION` with the command that installs it. */
  load?(location: string, options: Options): Promise<void>;
  /** Every option in force; a secret is {@link HIDDEN}. */
  effective(location: string, options: Options): Options;
  /** Its URI without what is set for it, and without a secret. */
  uriOf(location: string, options: Options): string;
  /** An option of the package that is not one here. */
  readonly reserved: string;
  /** Options that may stand beside the URI or in it. */
  readonly credentials: readonly string[];
  /** Options that are text also where they look like numbers. */
  readonly texts: readonly string[];
}
