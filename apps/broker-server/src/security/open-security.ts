import { authorizationEntries, SECURITY_DEFAULTS, type BrokerSecurity } from '@batonmq/broker-core';
import type { RuntimeComponents } from '@batonmq/runtime';
import { openUsersFile, USERS_FILE_DEFAULTS } from '@batonmq/users-file';
import type { SecuritySection } from '../config/security-section.ts';

/**
 * What the settings say about security, at work.
 *
 * @throws `BATON_INVALID_OPTION` if the file of users cannot be used.
 */
export async function openSecurity(
  section: SecuritySection,
  components: RuntimeComponents,
): Promise<BrokerSecurity> {
  const { users, authorization, tempDestinations } = section;
  return {
    ...(users !== undefined && {
      authenticator: await openUsersFile(users, components, picked(section, USERS_FILE_DEFAULTS)),
    }),
    ...(authorization !== undefined && {
      authorizer: authorizationEntries({
        entries: authorization,
        ...(tempDestinations && { tempDestinations }),
      }),
    }),
    options: picked(section, SECURITY_DEFAULTS),
  };
}

/** Those options of a section that one part takes. */
function picked<T extends object>(section: SecuritySection, defaults: T): Partial<T> {
  const entries = Object.entries(section).filter(([name]) => Object.hasOwn(defaults, name));
  return Object.fromEntries(entries) as Partial<T>;
}
