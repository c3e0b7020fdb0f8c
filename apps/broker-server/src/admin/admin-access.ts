import type { Broker } from '@batonmq/broker-core';
import { BrokerError, isBrokerError } from '@batonmq/model';

/** Says whether a request may be answered. */
export interface AdminAccess {
  /**
   * @param authorization - The header of that name.
   * @param isCommand - The request changes something.
   * @returns who asks; nothing if that is not asked for.
   * @throws `BATON_UNAUTHORIZED`; `details.status` is 401 if a login would help, 403 if not.
   */
  check(
    authorization: string | undefined,
    remoteAddress: string,
    isCommand: boolean,
  ): Promise<string | undefined>;
}

/** Without users everybody may look; who changes something must be on this machine. */
export const openAccess: AdminAccess = {
  check(_, remoteAddress, isCommand) {
    if (!isCommand || LOOPBACK.test(remoteAddress)) return Promise.resolve(undefined);
    const text = 'Without security, commands are taken from this machine only';
    return Promise.reject(refusal(403, text));
  },
};

const LOOPBACK = /^http:\/\/(127\.|\[(::ffff:127\.|::1\]))/;

/** Lets in whom the broker knows and who is in one of some groups. */
export function groupAccess(broker: Broker, groups: readonly string[]): AdminAccess {
  return {
    async check(authorization, remoteAddress) {
      const [userName, password] = basicCredentials(authorization);
      // A browser asks without a name first: that is no failed login.
      if (userName === undefined) throw refusal(401, 'This interface needs a user and a password');
      const protocol = 'http';
      const principal = await broker
        .authenticate({ userName, password, remoteAddress, protocol })
        .catch((error: unknown) => {
          if (isBrokerError(error) && error.kind !== 'unauthorized') throw error;
          throw refusal(401, 'The user name or password is invalid');
        });
      const { userName: name } = principal;
      if (principal.groups.some((group) => groups.includes(group))) return name;
      throw refusal(403, `User ${name} is in none of the groups that may do this`);
    },
  };
}

function refusal(status: 401 | 403, message: string): BrokerError {
  return new BrokerError('BATON_UNAUTHORIZED', message, { details: { status } });
}

function basicCredentials(header: string | undefined): [userName?: string, password?: string] {
  const encoded = /^basic ([a-z0-9+/=]+)$/i.exec(header ?? '')?.[1];
  if (encoded === undefined) return [];
  const text = Buffer.from(encoded, 'base64').toString('utf8');
  const colon = text.indexOf(':');
  return colon <= 0 ? [] : [text.slice(0, colon), text.slice(colon + 1)];
}
