import { BrokerError } from '@batonmq/model';
import type { Files } from '@batonmq/runtime';
import type { TlsTrust } from '@batonmq/transport';
import { asError } from '../errors.ts';
import { readTextFile } from '../text-file.ts';

/** What a broker's URI says about TLS: paths of PEM files, and the name to expect; empty where it says nothing. */
export interface TlsUriOptions {
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
  readonly servername: string;
  readonly verifyHostName: boolean;
}

/**
 * What the URI says over what `connect` was told. The files are read for each connection, so renewed
 * ones need no restart.
 *
 * @throws BrokerError `BATON_INVALID_OPTION` for a file that cannot be read.
 */
export async function tlsTrust(
  uri: TlsUriOptions,
  options: TlsTrust,
  files: Files,
): Promise<TlsTrust> {
  const { servername, verifyHostName } = uri;
  const read = (option: 'ca' | 'cert' | 'key'): Promise<string | undefined> =>
    contentOf(option, uri[option], files);
  const [ca, certificate, key] = await Promise.all([read('ca'), read('cert'), read('key')]);
  return {
    ...options,
    ...(ca !== undefined && { ca }),
    ...(certificate !== undefined && { certificate }),
    ...(key !== undefined && { key }),
    ...(servername !== '' && { serverName: servername }),
    ...(!verifyHostName && { verifyHostName }),
  };
}

async function contentOf(option: string, path: string, files: Files): Promise<string | undefined> {
  if (path === '') return undefined;
  try {
    return await readTextFile(path, files);
  } catch (cause) {
    throw new BrokerError(
      'BATON_INVALID_OPTION',
      `The file of "${option}" cannot be read: ${asError(cause).message}`,
      { cause },
    );
  }
}
