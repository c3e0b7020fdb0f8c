import {
  formatPasswordHash,
  HASH_COST_DEFAULT,
  workOf,
  type HashCost,
  type PasswordHash,
} from './password-hash.ts';
import type { User } from './user-list.ts';

/** The users of one version of the file, ready to be found. */
export class UserTable {
  /** Stands in for the password of who is unknown, so that it takes as long to be wrong. */
  readonly stranger: PasswordHash;
  readonly #byName: ReadonlyMap<string, User>;
  readonly #bySubject: ReadonlyMap<string, User>;
  readonly #hashTexts = new Map<PasswordHash, string>();

  constructor(users: readonly User[], random: { bytes(count: number): Uint8Array }) {
    this.#byName = new Map(users.map((user) => [user.name, user]));
    this.#bySubject = new Map(
      users.flatMap((user) =>
        user.certificateSubject === undefined ? [] : [[user.certificateSubject, user]],
      ),
    );
    this.stranger = { ...costliest(users), salt: random.bytes(16), hash: random.bytes(32) };
    for (const { password } of users) {
      if (password !== undefined) this.#hashTexts.set(password, formatPasswordHash(password));
    }
  }

  get size(): number {
    return this.#byName.size;
  }

  withName(name: string): User | undefined {
    return this.#byName.get(name);
  }

  withSubject(subject: string): User | undefined {
    return this.#bySubject.get(subject);
  }

  /** Names a hash in this and every other version that has it. */
  textOf(hash: PasswordHash): string {
    return this.#hashTexts.get(hash) ?? 'stranger';
  }
}

/** Hashes of different cost tell known users from unknown ones; the highest cost is the usual one. */
function costliest(users: readonly User[]): HashCost {
  const costs = users.flatMap(({ password }) => (password === undefined ? [] : [password]));
  const [first, ...others] = costs;
  if (first === undefined) return HASH_COST_DEFAULT;
  return others.reduce((most, each) => (workOf(each) > workOf(most) ? each : most), first);
}
