import { BrokerError, type Destination } from '@batonmq/model';
import type { ConnectOptions } from '../connection/connection.ts';
import type { BrokerEvent } from '../events.ts';
import { Access } from './access.ts';
import type { Authorizer, Principal } from './security.ts';

/** What a term needs of the broker's security. */
export interface TermSecurity {
  readonly authorizer: Authorizer | undefined;
  readonly connectionsPerUserMax: number;
}

/** Lets users in whose identity is known, and gives them their rights. */
export class Admission {
  readonly #security: TermSecurity | undefined;
  readonly #emit: (event: BrokerEvent) => void;
  readonly #connectionCounts = new Map<string, number>();

  constructor(security: TermSecurity | undefined, emit: (event: BrokerEvent) => void) {
    this.#security = security;
    this.#emit = emit;
  }

  /**
   * `present` is the user of a live connection of the same id, which would have to go. Ids are no
   * secret, so another user's stays.
   *
   * @throws `BATON_UNAUTHORIZED` without a principal, `BATON_INVALID_CLIENT_ID`, `BATON_LIMIT`.
   */
  check({ principal, connectionId }: ConnectOptions, present: string | undefined): void {
    if (this.#security === undefined) return;
    if (principal === undefined) {
      throw new BrokerError('BATON_UNAUTHORIZED', 'User is not authenticated.');
    }
    const { userName } = principal;
    if (present !== undefined && present !== userName) {
      throw new BrokerError(
        'BATON_INVALID_CLIENT_ID',
        `Connection ${connectionId} belongs to another user`,
        { details: { connectionId } },
      );
    }
    const { connectionsPerUserMax } = this.#security;
    const count = this.#connectionCounts.get(userName) ?? 0;
    if (present === undefined && count >= connectionsPerUserMax) {
      throw new BrokerError(
        'BATON_LIMIT',
        `User ${userName} has ${count} connections; "connectionsPerUserMax" allows no more`,
        { details: { userName, connectionsPerUserMax } },
      );
    }
  }

  /** Counts a connection that passed {@link check}; its rights, or none if it may do everything. */
  admit({ principal, connectionId }: ConnectOptions): Access | undefined {
    if (this.#security === undefined || principal === undefined) return undefined;
    const { userName } = principal;
    this.#connectionCounts.set(userName, (this.#connectionCounts.get(userName) ?? 0) + 1);
    const { authorizer } = this.#security;
    if (authorizer === undefined) return undefined;
    return new Access(principal, authorizer, (action, destination) => {
      this.#emit({ type: 'access-denied', userName, connectionId, action, destination });
    });
  }

  /** See `TermParts.mayRead`. */
  mayRead(reader: Principal | undefined, target: Destination): boolean {
    const authorizer = this.#security?.authorizer;
    if (authorizer === undefined) return true;
    return reader !== undefined && authorizer.isAllowed(reader, 'read', target);
  }

  left(userName: string | undefined): void {
    if (this.#security === undefined || userName === undefined) return;
    const count = (this.#connectionCounts.get(userName) ?? 0) - 1;
    if (count > 0) this.#connectionCounts.set(userName, count);
    else this.#connectionCounts.delete(userName);
  }
}
