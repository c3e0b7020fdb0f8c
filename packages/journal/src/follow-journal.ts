/** A follower keeps an index of a journal that another process writes, by reading along. */
import { assert, BrokerError } from '@batonmq/model';
import type { RuntimeComponents } from '@batonmq/runtime';
import { listJournal, pathOf } from './journal-directory.ts';
import type { JournalIndex } from './journal-index.ts';
import type { LogReader } from './log-reader.ts';
import { resolveJournalOptions, type JournalOptions, type JournalSettings } from './options.ts';
import { recoverIndex } from './recovery.ts';

/** How often to start again when files go away under the reader, before that is an error. */
const ATTEMPTS_MAX = 5;

export interface FollowJournalParameters {
  /** Where the journal is now; asked for each look, because its owner may move it. */
  readonly directory: () => Promise<string>;
  readonly components: RuntimeComponents;
  readonly options?: JournalOptions;
}

export interface JournalFollower {
  /**
   * Reads what is new. Call it as often as you like; calls at the same time share one look.
   * A journal that does not exist yet is an empty one.
   *
   * @throws `BATON_CORRUPT`, `BATON_STORE_FORMAT`; `BATON_STORE_FAILED` if the files keep going away.
   */
  catchUp(): Promise<void>;
  /** Bytes of segments not looked at yet: 0 after a look that came to the end. */
  readonly lagBytes: number;
  readonly messageCount: number;
  /** Closes files. Idempotent. */
  close(): Promise<void>;
}

/** Starts to follow; reads nothing before the first {@link JournalFollower.catchUp}. Changes nothing on disk. */
export function followJournal(parameters: FollowJournalParameters): JournalFollower {
  return new Follower(parameters);
}

/** Ends a follower with a last look, when no one writes any more, and takes its index. */
export async function takeFollowed(follower: JournalFollower): Promise<JournalIndex> {
  assert(follower instanceof Follower, 'the follower is one of followJournal()');
  return follower.take();
}

class Follower implements JournalFollower {
  readonly #parameters: FollowJournalParameters;
  readonly #settings: JournalSettings;
  #reader: LogReader | undefined;
  #directory = '';
  #look: Promise<void> | undefined;
  #lagBytes = 0;
  #isClosed = false;

  constructor(parameters: FollowJournalParameters) {
    this.#parameters = parameters;
    this.#settings = resolveJournalOptions(parameters.options);
  }

  get lagBytes(): number {
    return this.#lagBytes;
  }

  get messageCount(): number {
    return this.#reader?.index.messageCount ?? 0;
  }

  catchUp(): Promise<void> {
    if (this.#isClosed) {
      return Promise.reject(new BrokerError('BATON_CLOSED', 'The follower was closed'));
    }
    this.#look ??= this.#catchUp(false).finally(() => {
      this.#look = undefined;
    });
    return this.#look;
  }

  async take(): Promise<JournalIndex> {
    await this.#look?.catch(() => undefined);
    await this.#catchUp(true);
    const { index } = this.#existing();
    await this.close();
    return index;
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#look?.catch(() => undefined);
    await this.#reader?.close();
    this.#reader = undefined;
  }

  async #catchUp(isFinal: boolean): Promise<void> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        await this.#followDirectory();
        if (this.#reader === undefined) await this.#start(isFinal);
        else if ((await this.#reader.advance(isFinal, true)) === 'diverged') {
          await this.#restart(isFinal);
        }
        this.#lagBytes = 0;
        return;
      } catch (error) {
        if (!isTransient(error) || attempt === ATTEMPTS_MAX) throw error;
      }
    }
  }

  /** The same journal under another name goes on where it was: its files are the same. */
  async #followDirectory(): Promise<void> {
    const directory = await this.#parameters.directory();
    if (directory === this.#directory) return;
    this.#directory = directory;
    this.#reader?.moveTo(directory);
  }

  async #restart(isFinal: boolean): Promise<void> {
    await this.#existing().close();
    this.#reader = undefined;
    await this.#start(isFinal);
  }

  async #start(isFinal: boolean): Promise<void> {
    const { files, logger } = this.#parameters.components;
    this.#lagBytes = await this.#segmentBytes();
    this.#reader = await recoverIndex(
      {
        files,
        logger,
        directory: this.#directory,
        onCorruption: this.#settings.onCorruption,
        onBytes: (bytes) => {
          this.#lagBytes = Math.max(0, this.#lagBytes - bytes);
        },
      },
      isFinal,
    );
  }

  async #segmentBytes(): Promise<number> {
    const { files } = this.#parameters.components;
    let bytes = 0;
    for (const { name } of (await listJournal(files, this.#directory)).segments) {
      bytes += (await files.status(pathOf(this.#directory, name)))?.sizeBytes ?? 0;
    }
    return bytes;
  }

  #existing(): LogReader {
    assert(this.#reader !== undefined, 'the follower has looked');
    return this.#reader;
  }
}

function isTransient(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  if ('isTransient' in error && error.isTransient === true) return true;
  return 'code' in error && error.code === 'ENOENT';
}
