import type { ServerLocation } from '../../location.ts';
import { tablesWith } from '../../schema/tables.ts';

/** Names that every version of Oracle takes, also one whose COMPATIBLE is that of its predecessor. */
const NAME_CHARACTERS_MAX = 30;

/** What a connect descriptor has no meaning of its own for. */
const HOST = /^[\w.:-]+$/;
const SERVICE = /^[\w.$-]+$/;

/** What Oracle and its driver do not take. */
export function* oracleProblems(
  { hosts, database }: ServerLocation,
  { tls, tablePrefix }: { readonly tls: string; readonly tablePrefix: string },
): Iterable<string> {
  for (const { host } of hosts) {
    if (!HOST.test(host)) yield `'database' has the host '${host}', which Oracle cannot have`;
  }
  if (!SERVICE.test(database)) {
    yield `'database' has the service '${database}'; letters, digits and . _ - $ are allowed`;
  }
  if (tls === 'unverified') {
    yield `'tls' is 'unverified', but the driver of Oracle takes no certificate unverified; 'off' and 'verified' are allowed`;
  }
  const names = Object.values<string>({ ...tablesWith(tablePrefix) });
  const longest = Math.max(...names.map(({ length }) => length));
  if (longest > NAME_CHARACTERS_MAX) {
    const allowed = tablePrefix.length - (longest - NAME_CHARACTERS_MAX);
    yield `'tablePrefix' is '${tablePrefix}'; for Oracle ${allowed} characters are allowed at most`;
  }
}
