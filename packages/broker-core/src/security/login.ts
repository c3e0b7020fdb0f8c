import { BrokerError, isBrokerError } from '@batonmq/model';
import type { Clock, Logger } from '@batonmq/runtime';
import type { BrokerEvent } from '../events.ts';
import { FailedLogins } from './failed-logins.ts';
import { printable } from './printable.ts';
import type { SecuritySettings } from './options.ts';
import type { Authenticator, Credentials, Principal } from './security.ts';

/** What {@link Login} works with. */
export interface LoginParts {
  readonly authenticator: Authenticator | undefined;
  readonly settings: SecuritySettings;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly emit: (event: BrokerEvent) => void;
}

/** Finds out who clients are. Every refusal for wrong credentials reads the same, whatever was wrong with them. */
export class Login {
  readonly #parts: LoginParts;
  readonly #failed: FailedLogins;
  #pendingCount = 0;

  constructor(parts: LoginParts) {
    this.#parts = parts;
    this.#failed = new FailedLogins(parts.clock, parts.settings);
  }

  /** @throws `BATON_UNAUTHORIZED`; `BATON_LIMIT` or `BATON_TIMEOUT` if it could not be found out now. */
  async authenticate(credentials: Credentials): Promise<Principal> {
    const { emit } = this.#parts;
    const { remoteAddress, protocol } = credentials;
    try {
      const principal = await this.#principalOf(credentials);
      const { userName } = principal;
      emit({ type: 'login-accepted', userName, remoteAddress, protocol });
      return principal;
    } catch (thrown) {
      const error = this.#refusal(thrown, credentials);
      const userName = printable(credentials.userName ?? '');
      emit({ type: 'login-refused', userName, remoteAddress, protocol, reason: error });
      throw error;
    }
  }

  async #principalOf(credentials: Credentials): Promise<Principal> {
    const { settings, authenticator } = this.#parts;
    if (isGuest(credentials) && settings.anonymousAccessAllowed) {
      return { userName: settings.anonymousUser, groups: settings.anonymousGroups };
    }
    if (
      isGuest(credentials) ||
      authenticator === undefined ||
      this.#failed.isBlocked(credentials)
    ) {
      throw wrongCredentials(credentials);
    }
    const principal = await this.#ask(authenticator, credentials);
    if (principal === undefined) {
      this.#failed.add(credentials);
      throw wrongCredentials(credentials);
    }
    this.#failed.forget(credentials);
    return principal;
  }

  async #ask(
    authenticator: Authenticator,
    credentials: Credentials,
  ): Promise<Principal | undefined> {
    const { authenticationsMax, authenticationTimeoutMs } = this.#parts.settings;
    if (this.#pendingCount >= authenticationsMax) {
      throw new BrokerError(
        'BATON_LIMIT',
        `${authenticationsMax} clients are logging in; "authenticationsMax" allows no more at once`,
      );
    }
    const deadline = new AbortController();
    let cancel: () => void = () => undefined;
    const late = new Promise<never>((_, reject) => {
      cancel = this.#parts.clock.setTimer(authenticationTimeoutMs, () => {
        deadline.abort();
        reject(
          new BrokerError(
            'BATON_TIMEOUT',
            `The login could not be checked within ${authenticationTimeoutMs} ms`,
          ),
        );
      });
    });
    const { signal } = deadline;
    this.#pendingCount += 1;
    // Counted until it ends, not until nobody waits for it: what hangs must not pile up.
    const answer = authenticator.authenticate(credentials, { signal }).finally(() => {
      this.#pendingCount -= 1;
    });
    try {
      return await Promise.race([answer, late]);
    } finally {
      cancel();
      answer.catch(() => undefined);
    }
  }

  /** What the client is told. An authenticator's own failure is for the log. */
  #refusal(thrown: unknown, credentials: Credentials): BrokerError {
    if (isBrokerError(thrown)) return thrown;
    this.#parts.logger.log('error', 'an authenticator failed; the client was refused', {
      remoteAddress: credentials.remoteAddress,
      error: thrown,
    });
    return wrongCredentials(credentials);
  }
}

function isGuest({ userName, password, certificateSubject }: Credentials): boolean {
  return !userName && !password && !certificateSubject;
}

function wrongCredentials({ userName }: Credentials): BrokerError {
  return new BrokerError(
    'BATON_UNAUTHORIZED',
    `User name [${printable(userName ?? 'null')}] or password is invalid.`,
  );
}
