import type { DatabaseHost } from '../location.ts';
import { NoHostError } from './session-error.ts';

/**
 * What `connect` makes of the first host that can be used, in their order.
 *
 * @throws the only host's error, or a {@link NoHostError} that has all of them.
 */
export async function firstUsable<T>(
  hosts: readonly DatabaseHost[],
  connect: (host: DatabaseHost) => Promise<T>,
): Promise<T> {
  const failures: unknown[] = [];
  const reasons: string[] = [];
  for (const host of hosts) {
    try {
      return await connect(host);
    } catch (error) {
      failures.push(error);
      const reason = error instanceof Error ? error.message : String(error);
      reasons.push(`${host.host}:${host.port}: ${reason}`);
    }
  }
  if (failures.length === 1) throw failures[0];
  throw new NoHostError(`No host takes writes. ${reasons.join('; ')}`, failures);
}
