import { createHmac, timingSafeEqual } from 'node:crypto';
import { BrokerError } from '@batonmq/model';
import type { Authenticator, Credentials, Principal } from '@batonmq/broker-core';
import type { RuntimeComponents } from '@batonmq/runtime';
import { HashQueue } from './hash-queue.ts';
import {
  resolveUsersFileOptions,
  type UsersFileOptions,
  type UsersFileSettings,
} from './options.ts';
import { PASSWORD_BYTES_MAX, type PasswordHash } from './password-hash.ts';
import { parseUserList, type User } from './user-list.ts';
import { UserTable } from './user-table.ts';

/** More is no list of users. */
const FILE_BYTES_MAX = 64 * 1024 * 1024;

type Components = Pick<RuntimeComponents, 'clock' | 'files' | 'logger' | 'random'>;

/** Knows users by a file. */
export interface UsersFile extends Authenticator {
  readonly userCount: number;
  /** Hashes computed so far; what an attack on it shows in. */
  readonly hashCount: number;
}

/**
 * Opens a file of users. It is looked at again when somebody logs in; a version that cannot be used is
 * reported in the log, and the last good one stays in force.
 *
 * @throws `BATON_INVALID_OPTION` for wrong options, or a file that is missing or wrong.
 */
export async function openUsersFile(
  path: string,
  components: Components,
  options: UsersFileOptions = {},
): Promise<UsersFile> {
  const file = new ScryptUsersFile(path, components, resolveUsersFileOptions(options));
  await file.load();
  return file;
}

/** One computation that everybody waits for who came with the same name and password. */
interface Check {
  readonly isRight: Promise<boolean>;
  readonly signals: Set<AbortSignal>;
}

class ScryptUsersFile implements UsersFile {
  readonly #path: string;
  readonly #components: Components;
  readonly #settings: UsersFileSettings;
  readonly #hashes: HashQueue;
  /** Makes marks that say nothing about passwords to who has not this key, which is in no file. */
  readonly #markKey: Uint8Array;
  /** Marks of names and passwords that were right; oldest first. */
  readonly #verified = new Set<string>();
  readonly #checks = new Map<string, Check>();
  #table: UserTable;
  /** Names the version that was looked at last, good or not. */
  #version = '';
  #checkedAt = -Infinity;
  #reading: Promise<void> | undefined;

  constructor(path: string, components: Components, settings: UsersFileSettings) {
    this.#path = path;
    this.#components = components;
    this.#settings = settings;
    this.#hashes = new HashQueue(settings.hashesAtOnceMax, settings.hashesWaitingMax);
    this.#markKey = components.random.bytes(32);
    this.#table = new UserTable([], components.random);
  }

  get userCount(): number {
    return this.#table.size;
  }

  get hashCount(): number {
    return this.#hashes.computedCount;
  }

  /** @throws `BATON_INVALID_OPTION`. */
  async load(): Promise<void> {
    this.#checkedAt = this.#components.clock.now();
    this.#version = await this.#presentVersion();
    this.#table = await this.#read();
  }

  async authenticate(
    { userName, password, certificateSubject }: Credentials,
    { signal }: { readonly signal: AbortSignal },
  ): Promise<Principal | undefined> {
    await this.#refresh();
    if (!password) return this.#withCertificate(userName, certificateSubject);
    if (!userName || Buffer.byteLength(password) > PASSWORD_BYTES_MAX) return undefined;
    const user = this.#table.withName(userName);
    const isRight = await this.#isRight(userName, user?.password, password, signal);
    return isRight && user !== undefined ? principalOf(user) : undefined;
  }

  /** Whoever has a certificate needs no password, and may leave out the name. */
  #withCertificate(
    userName: string | undefined,
    subject: string | undefined,
  ): Principal | undefined {
    const user = subject === undefined ? undefined : this.#table.withSubject(subject);
    if (user === undefined || (userName && userName !== user.name)) return undefined;
    return principalOf(user);
  }

  #isRight(
    userName: string,
    known: PasswordHash | undefined,
    password: string,
    signal: AbortSignal,
  ): Promise<boolean> {
    const hash = known ?? this.#table.stranger;
    const mark = this.#markOf(userName, this.#table.textOf(hash), password);
    if (this.#verified.has(mark)) return Promise.resolve(true);
    const running = this.#checks.get(mark);
    if (running !== undefined) {
      running.signals.add(signal);
      return running.isRight;
    }
    const signals = new Set([signal]);
    const isRight = this.#compare(password, hash, signals).then((isEqual) => {
      const isGood = isEqual && known !== undefined;
      if (isGood) this.#remember(mark);
      return isGood;
    });
    this.#checks.set(mark, { isRight, signals });
    return isRight.finally(() => this.#checks.delete(mark));
  }

  async #compare(
    password: string,
    hash: PasswordHash,
    signals: ReadonlySet<AbortSignal>,
  ): Promise<boolean> {
    const isWanted = (): boolean => [...signals].some(({ aborted }) => !aborted);
    return timingSafeEqual(await this.#hashes.compute(password, hash, isWanted), hash.hash);
  }

  #markOf(userName: string, hashText: string, password: string): string {
    const parts = JSON.stringify([userName, hashText, password]);
    return createHmac('sha256', this.#markKey).update(parts).digest('base64');
  }

  #remember(mark: string): void {
    const { verifiedPasswordsMax } = this.#settings;
    if (verifiedPasswordsMax === 0) return;
    if (this.#verified.size >= verifiedPasswordsMax) {
      const [oldest] = this.#verified;
      if (oldest !== undefined) this.#verified.delete(oldest);
    }
    this.#verified.add(mark);
  }

  #refresh(): Promise<void> {
    if (this.#reading !== undefined) return this.#reading;
    const now = this.#components.clock.now();
    if (now - this.#checkedAt < this.#settings.checkIntervalMs) return Promise.resolve();
    this.#checkedAt = now;
    this.#reading = this.#readIfChanged().finally(() => {
      this.#reading = undefined;
    });
    return this.#reading;
  }

  async #readIfChanged(): Promise<void> {
    const { logger } = this.#components;
    const fields = { event: 'users-read', path: this.#path };
    try {
      const version = await this.#presentVersion();
      if (version === this.#version) return;
      this.#version = version;
      this.#table = await this.#read();
      logger.log('info', 'the users file was read again', { ...fields, users: this.userCount });
    } catch (error) {
      logger.log('error', 'the users file cannot be used; its last version stays in force', {
        ...fields,
        error,
      });
    }
  }

  async #presentVersion(): Promise<string> {
    const status = await this.#components.files.status(this.#path);
    if (status === undefined) return 'missing';
    return `${status.identity} ${status.sizeBytes} ${status.modifiedAt}`;
  }

  async #read(): Promise<UserTable> {
    try {
      return new UserTable(parseUserList(await this.#text()), this.#components.random);
    } catch (cause) {
      const reason = cause instanceof Error ? cause.message : String(cause);
      const text = `The users file ${this.#path} cannot be used: ${reason}`;
      throw new BrokerError('BATON_INVALID_OPTION', text, { cause });
    }
  }

  async #text(): Promise<string> {
    const file = await this.#components.files.open(this.#path, 'read');
    try {
      const { sizeBytes } = await file.status();
      if (sizeBytes > FILE_BYTES_MAX) throw new Error(`it is larger than ${FILE_BYTES_MAX} bytes`);
      const bytes = new Uint8Array(sizeBytes);
      const count = await file.read(bytes, 0);
      return new TextDecoder('utf-8', { fatal: true }).decode(bytes.subarray(0, count));
    } finally {
      await file.close();
    }
  }
}

function principalOf({ name, groups }: User): Principal {
  return { userName: name, groups };
}
