import { scrypt } from 'node:crypto';
import { BrokerError } from '@batonmq/model';

/** The cost of a hash: `N` is 2^`logN`; memory is 128 · N · r bytes, time grows with N · r · p. */
export interface HashCost {
  readonly logN: number;
  readonly r: number;
  readonly p: number;
}

/**
 * A stored hash: `$scrypt$ln=14,r=8,p=5$SALT$HASH`, salt and hash in base64 without padding. The cost
 * stands in each, so it can be raised for new passwords while old ones still work.
 */
export interface PasswordHash extends HashCost {
  readonly salt: Uint8Array;
  readonly hash: Uint8Array;
}

/** Of new hashes: 16 MiB and about a tenth of a second. */
export const HASH_COST_DEFAULT: HashCost = Object.freeze({ logN: 14, r: 8, p: 5 });

const SALT_BYTES = 16;
const HASH_BYTES = 32;

/** A longer one is no password but an attempt to make the broker work. */
export const PASSWORD_BYTES_MAX = 1024;

/** What a hash in a file may ask of the machine. */
const LOG_N_RANGE = [10, 20] as const;
const R_MAX = 32;
const P_MAX = 16;
const MEMORY_BYTES_MAX = 256 * 1024 * 1024;

const PATTERN =
  /^\$scrypt\$ln=(\d{1,2}),r=(\d{1,2}),p=(\d{1,2})\$([A-Za-z0-9+/]+)\$([A-Za-z0-9+/]+)$/;

/** None if the text is no hash, or one that costs too much. */
export function parsePasswordHash(text: string): PasswordHash | undefined {
  const [, logN, r, p, salt, hash] = PATTERN.exec(text) ?? [];
  if (salt === undefined || hash === undefined) return undefined;
  const parsed: PasswordHash = {
    logN: Number(logN),
    r: Number(r),
    p: Number(p),
    salt: Buffer.from(salt, 'base64'),
    hash: Buffer.from(hash, 'base64'),
  };
  const isAllowed = isAffordable(parsed) && parsed.salt.length >= 8 && parsed.hash.length >= 16;
  return isAllowed ? parsed : undefined;
}

export function formatPasswordHash({ logN, r, p, salt, hash }: PasswordHash): string {
  return `$scrypt$ln=${logN},r=${r},p=${p}$${base64(salt)}$${base64(hash)}`;
}

/**
 * Makes a new hash; `random` gives bytes fit for secrets.
 *
 * @throws `BATON_INVALID_ARGUMENT` for a password that is empty or longer than {@link PASSWORD_BYTES_MAX}.
 */
export async function hashPassword(
  password: string,
  random: { bytes(count: number): Uint8Array },
  cost: HashCost = HASH_COST_DEFAULT,
): Promise<PasswordHash> {
  const bytes = Buffer.byteLength(password);
  if (bytes === 0 || bytes > PASSWORD_BYTES_MAX) {
    throw new BrokerError(
      'BATON_INVALID_ARGUMENT',
      `A password has 1 to ${PASSWORD_BYTES_MAX} bytes, not ${bytes}`,
    );
  }
  const salt = random.bytes(SALT_BYTES);
  const hash = await deriveKey(password, { ...cost, salt, hash: new Uint8Array(HASH_BYTES) });
  return { ...cost, salt, hash };
}

/** The hash of a password with the cost, salt and length of another; in the thread pool. */
export function deriveKey(password: string, like: PasswordHash): Promise<Uint8Array> {
  const { logN, r, p, salt, hash } = like;
  const options = { N: 2 ** logN, r, p, maxmem: 2 * memoryBytes(like) };
  return new Promise((resolve, reject) => {
    scrypt(password, salt, hash.length, options, (error, derived) => {
      if (error === null) resolve(derived);
      else reject(error);
    });
  });
}

/** How much work one is, to be compared. */
export function workOf({ logN, r, p }: HashCost): number {
  return 2 ** logN * r * p;
}

function isAffordable(cost: HashCost): boolean {
  const { logN, r, p } = cost;
  const isInRange = logN >= LOG_N_RANGE[0] && logN <= LOG_N_RANGE[1] && r >= 1 && p >= 1;
  return isInRange && r <= R_MAX && p <= P_MAX && memoryBytes(cost) <= MEMORY_BYTES_MAX;
}

function memoryBytes({ logN, r, p }: HashCost): number {
  return 128 * r * (2 ** logN + p);
}

function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('base64').replace(/=+$/, '');
}
