import type { RuntimeComponents } from '@batonmq/runtime';
import { asError } from '../errors.ts';
import { readTextFile } from '../text-file.ts';

/** A list of URIs does not need more; a longer answer is something else. */
const ANSWER_LENGTH_MAX = 65_536;
/** A reconnect must not wait for a slow server: without an answer the known members are used. */
const READ_TIMEOUT_MS = 1_000;

/**
 * Reads the comma-separated URIs at `updateURIsURL`: an http(s) URL, a `file:` URL or a path.
 * `undefined` if that fails, which is logged.
 */
export async function readMembers(
  url: string,
  { files, logger }: Pick<RuntimeComponents, 'files' | 'logger'>,
): Promise<readonly string[] | undefined> {
  try {
    const text = /^https?:/i.test(url) ? await readHttp(url) : await readFile(url, files);
    return text
      .split(/[,\r\n]+/)
      .map((uri) => uri.trim())
      .filter((uri) => uri !== '' && !uri.startsWith('#'));
  } catch (thrown) {
    logger.log('warn', 'list of brokers cannot be read', { url, error: asError(thrown) });
    return undefined;
  }
}

async function readHttp(url: string): Promise<string> {
  const response = await fetch(url, { signal: AbortSignal.timeout(READ_TIMEOUT_MS) });
  if (!response.ok) throw new Error(`${url} answered with status ${response.status}`);
  const text = await response.text();
  if (text.length > ANSWER_LENGTH_MAX)
    throw new Error(`${url} is longer than ${ANSWER_LENGTH_MAX} characters`);
  return text;
}

function readFile(url: string, files: RuntimeComponents['files']): Promise<string> {
  const path = url.startsWith('file:') ? decodeURIComponent(url.replace(/^file:(\/\/)?/, '')) : url;
  return readTextFile(path, files);
}
