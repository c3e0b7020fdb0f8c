import { BrokerError, compositeParts, type Destination, type Message } from '@batonmq/model';
import { isAdvisoryName, isSchedulerManagement } from './reserved-names.ts';
import type { Action, Authorizer, Principal } from './security.ts';

/** Answers kept for one connection; beyond them all are asked for anew. */
const ANSWERS_MAX = 1000;

/** What a client was about to do when it was refused. */
export type Deed = 'read from' | 'write to' | 'create' | 'remove';

const ACTIONS: Readonly<Record<Deed, Action>> = {
  'read from': 'read',
  'write to': 'write',
  create: 'admin',
  remove: 'admin',
};

/** What one connection may do: the rights of its user, each asked for once. */
export class Access {
  readonly principal: Principal;
  readonly #authorizer: Authorizer;
  /** Told of what was refused, once while the answer is kept. */
  readonly #denied: (action: Action, target: Destination) => void;
  readonly #answers: Record<Action, Map<string, boolean>> = {
    read: new Map(),
    write: new Map(),
    admin: new Map(),
  };
  readonly #told = new Set<string>();

  constructor(
    principal: Principal,
    authorizer: Authorizer,
    denied: (action: Action, target: Destination) => void,
  ) {
    this.principal = principal;
    this.#authorizer = authorizer;
    this.#denied = denied;
  }

  /** Whether a destination that a wildcard covers may be read; one that may not is passed over. */
  mayRead(target: Destination): boolean {
    return this.#isAllowed('read', target);
  }

  /** Each part of a composite is asked for by itself. @throws `BATON_UNAUTHORIZED`. */
  demand(deed: Deed, target: Destination): void {
    for (const part of compositeParts(target)) {
      if (deed === 'create' && isAdvisoryName(part)) continue;
      this.#demand(deed, part, ACTIONS[deed]);
    }
  }

  /**
   * As {@link demand} `write to` its destination. True if that holds for every message there.
   *
   * The scheduler is managed by messages, and answers to where they say, in the broker's name.
   */
  requireSend({ destination, replyTo }: Message): boolean {
    let isForAll = true;
    for (const part of compositeParts(destination)) {
      if (isSchedulerManagement(part)) {
        isForAll = false;
        this.#demand('write to', part, 'admin');
        if (replyTo !== undefined) this.demand('write to', replyTo);
      } else {
        this.#demand('write to', part, 'write');
      }
    }
    return isForAll;
  }

  #demand(deed: Deed, target: Destination, action: Action): void {
    if (this.#isAllowed(action, target)) return;
    this.#tell(action, target);
    throw new BrokerError(
      'BATON_UNAUTHORIZED',
      `User ${this.principal.userName} is not authorized to ${deed}: ${target.key}`,
      { details: { userName: this.principal.userName, action, destination: target.key } },
    );
  }

  /** A client that goes on trying must not fill the log. */
  #tell(action: Action, target: Destination): void {
    const what = `${action} ${target.key}`;
    if (this.#told.has(what)) return;
    if (this.#told.size >= ANSWERS_MAX) this.#told.clear();
    this.#told.add(what);
    this.#denied(action, target);
  }

  #isAllowed(action: Action, target: Destination): boolean {
    const answers = this.#answers[action];
    const known = answers.get(target.key);
    if (known !== undefined) return known;
    const isAllowed = this.#authorizer.isAllowed(this.principal, action, target);
    if (answers.size >= ANSWERS_MAX) answers.clear();
    answers.set(target.key, isAllowed);
    return isAllowed;
  }
}
