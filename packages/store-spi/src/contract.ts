import { AssertionError, BrokerError, isBrokerError } from '@batonmq/model';

/** Stops on a bug of a plugin, in words its author can act on. */
export function requireOf(plugin: string, condition: boolean, claim: string): asserts condition {
  if (!condition) throw new AssertionError(`The store "${plugin}" broke its contract: ${claim}`);
}

/** Errors of ours pass; anything else a plugin threw becomes `BATON_STORE_FAILED` with it as the cause. */
export function storeError(plugin: string, action: string, error: unknown): Error {
  if (isBrokerError(error) || error instanceof AssertionError) return error;
  return storeFailed(plugin, action, error);
}

export function storeFailed(plugin: string, action: string, cause: unknown): BrokerError {
  const reason = cause instanceof Error ? `: ${cause.message}` : '';
  return new BrokerError(
    'BATON_STORE_FAILED',
    `The store "${plugin}" failed to ${action}${reason}`,
    {
      cause,
      details: { plugin, action },
    },
  );
}
