import type { Clock } from '@batonmq/runtime';
import type { Credentials } from './security.ts';
import type { SecuritySettings } from './options.ts';

/** An address may be many users behind one gateway, so it is given this many times their failures. */
const FAILURES_PER_ADDRESS = 10;

interface Failures {
  count: number;
  blockedUntil: number;
  lastAt: number;
}

/**
 * Slows down who guesses passwords: after some failures the next try has to wait, twice as long each
 * time. Counted are a user at an address, and an address. A user name alone is never blocked, or
 * anybody could lock anybody out; guesses from many addresses are bounded by what the authenticator
 * can check.
 */
export class FailedLogins {
  readonly #clock: Clock;
  readonly #settings: SecuritySettings;
  /** Oldest failure first. */
  readonly #failures = new Map<string, Failures>();

  constructor(clock: Clock, settings: SecuritySettings) {
    this.#clock = clock;
    this.#settings = settings;
  }

  isBlocked(credentials: Credentials): boolean {
    const now = this.#clock.now();
    return keysOf(credentials).some(
      ({ key }) => (this.#failures.get(key)?.blockedUntil ?? -Infinity) > now,
    );
  }

  add(credentials: Credentials): void {
    for (const { key, share } of keysOf(credentials)) this.#count(key, share);
  }

  /** Only of the user: somebody with one valid password may be guessing others. */
  forget(credentials: Credentials): void {
    this.#failures.delete(userKey(credentials));
  }

  #count(key: string, share: number): void {
    const { failedLoginsMax, failedLoginBackOffMs, failedLoginBackOffMaxMs } = this.#settings;
    const now = this.#clock.now();
    const old = this.#failures.get(key);
    this.#failures.delete(key);
    const isForgotten = old === undefined || now - old.lastAt > 2 * failedLoginBackOffMaxMs;
    const count = isForgotten ? 1 : old.count + 1;
    const excess = count - failedLoginsMax * share;
    const wait =
      excess < 0 ? 0 : Math.min(failedLoginBackOffMaxMs, failedLoginBackOffMs * 2 ** excess);
    this.#makeRoom();
    this.#failures.set(key, { count, blockedUntil: now + wait, lastAt: now });
  }

  #makeRoom(): void {
    if (this.#failures.size < this.#settings.failedLoginsTrackedMax) return;
    for (const oldest of this.#failures.keys()) {
      this.#failures.delete(oldest);
      return;
    }
  }
}

/** The part of an address that a new connection does not change. */
export function hostOf(remoteAddress: string): string {
  return /^(?:\w+:\/\/)?(.*?)(?::\d+)?$/.exec(remoteAddress)?.[1] ?? remoteAddress;
}

function keysOf(credentials: Credentials): readonly { key: string; share: number }[] {
  return [
    { key: hostOf(credentials.remoteAddress), share: FAILURES_PER_ADDRESS },
    { key: userKey(credentials), share: 1 },
  ];
}

/** A name may be as long as a frame: what is kept of it is bounded. */
function userKey({ remoteAddress, userName, certificateSubject }: Credentials): string {
  const name = userName ?? certificateSubject ?? '';
  return `${hostOf(remoteAddress)} ${name.length} ${name.slice(0, 128)}`;
}
