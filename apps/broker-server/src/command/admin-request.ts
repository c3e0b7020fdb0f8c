import { BrokerError } from '@batonmq/model';
import { COMMAND_HEADER } from '../admin/admin-http.ts';
import { loginFromEnvironment } from './login.ts';

/** Milliseconds for a question, and for a command that moves messages. */
const TIMEOUT_MS = { GET: 5_000, POST: 600_000 } as const;

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
export async function askBroker<T>(admin: string, path: string): Promise<T> {
  return request<T>(admin, path, 'GET');
}

/** Lets a running broker do something. @throws as {@link askBroker}. */
export async function tellBroker<T>(admin: string, command: string, query: string): Promise<T> {
  return request<T>(admin, `/${command}?${query}`, 'POST', { [COMMAND_HEADER]: command });
}

async function request<T>(
  admin: string,
  path: string,
  method: 'GET' | 'POST',
  headers: Readonly<Record<string, string>> = {},
): Promise<T> {
  const uri = `${admin.startsWith('http') ? admin : `http://${admin}`}${path}`;
  const response = await reach(uri, method, headers);
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

async function reach(
  uri: string,
  method: 'GET' | 'POST',
  headers: Readonly<Record<string, string>>,
): Promise<Response> {
  try {
    return await fetch(uri, {
      method,
      headers: { ...headers, ...loginHeaders() },
      signal: AbortSignal.timeout(TIMEOUT_MS[method]),
    });
  } catch (cause) {
    throw new BrokerError(
      'BATON_DISCONNECTED',
      `No broker answers at ${uri}. Is it running, and is this the address of its --admin?`,
      { cause },
    );
  }
}
