import { BrokerError, isBrokerError, type ErrorCode } from '@batonmq/model';

const CODES: Readonly<Record<string, ErrorCode>> = {
  EROFS: 'BATON_STORE_READ_ONLY',
  EACCES: 'BATON_STORE_READ_ONLY',
  EPERM: 'BATON_STORE_READ_ONLY',
  ENOSPC: 'BATON_STORE_FULL',
  EDQUOT: 'BATON_STORE_FULL',
};

const MEANINGS: Readonly<Partial<Record<ErrorCode, string>>> = {
  BATON_STORE_READ_ONLY:
    'cannot be written to: check permissions and whether the mount is read-only',
  BATON_STORE_FULL: 'has no room left',
};

/** The platform's error about the store at `path` as one of ours; ours pass unchanged. */
export function storeError(error: unknown, path: string): Error {
  if (isBrokerError(error)) return error;
  const cause = error as NodeJS.ErrnoException;
  const code = CODES[cause.code ?? ''] ?? 'BATON_STORE_FAILED';
  return new BrokerError(code, `${path} ${MEANINGS[code] ?? `failed: ${cause.message}`}`, {
    details: { path },
    cause,
  });
}
