import { BrokerError } from '@batonmq/model';
import { loginFromEnvironment } from './login.ts';

const TIMEOUT_MS = 5_000;

/** The option by which commands find the interface for operators. */
export const ADMIN_OPTION = [
  '--admin <address>',
  'HOST:PORT of its interface for operators',
  '127.0.0.1:8161',
] as const;

/**
 * What the interface for operators of a running broker answers.
 *
 * @throws `BATON_DISCONNECTED` if nobody answers, `BATON_INVALID_ARGUMENT` with what it refused.
 */
export async function askBroker<T>(admin: string, path: string, method = 'GET'): Promise<T> {
  const uri = `${admin.startsWith('http') ? admin : `http://${admin}`}${path}`;
  const response = await reach(uri, method);
  const body: unknown = await response.json();
  if (response.ok) return body as T;
  const { error = `it answered ${response.status}` } = body as { error?: string };
  throw new BrokerError('BATON_INVALID_ARGUMENT', `The broker at ${uri} refused: ${error}`);
}

function loginHeaders(): Record<string, string> {
  const { userName, password = '' } = loginFromEnvironment();
  if (userName === undefined) return {};
  const encoded = Buffer.from(`${userName}:${password}`).toString('base64');
  return { authorization: `Basic ${encoded}` };
}

async function reach(uri: string, method: string): Promise<Response> {
  try {
    const signal = AbortSignal.timeout(TIMEOUT_MS);
    return await fetch(uri, { method, signal, headers: loginHeaders() });
  } catch (cause) {
    throw new BrokerError(
      'BATON_DISCONNECTED',
      `No broker answers at ${uri}. Is it running, and is this the address of its --admin?`,
      { cause },
    );
  }
}
