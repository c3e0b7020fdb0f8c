import { BrokerError } from '@batonmq/model';
import type { Files } from '@batonmq/runtime';
import type { JdbcLockStoreSettings } from '../options.ts';

/** Connections are encrypted, and refused where the server cannot do that. */
export interface ServerTls {
  /** Whether the certificate must be valid, and for the host; anybody may answer otherwise. */
  readonly isVerified: boolean;
  /** PEM of the authorities whose word counts. @defaultValue those of Node.js */
  readonly ca?: string | undefined;
}

/** What the options say of encryption; nothing if there is to be none. @throws `BATON_INVALID_OPTION` for the file. */
export async function serverTls(
  { tls, tlsCaFile }: Pick<JdbcLockStoreSettings, 'tls' | 'tlsCaFile'>,
  files: Files,
): Promise<ServerTls | undefined> {
  if (tls === 'off') return undefined;
  const ca = tlsCaFile === undefined ? undefined : await readText(tlsCaFile, files);
  return { isVerified: tls === 'verified', ca };
}

async function readText(path: string, files: Files): Promise<string> {
  try {
    const file = await files.open(path, 'read');
    try {
      const { sizeBytes } = await file.status();
      const bytes = Buffer.alloc(sizeBytes);
      const readBytes = await file.read(bytes, 0);
      return bytes.toString('utf8', 0, readBytes);
    } finally {
      await file.close();
    }
  } catch (cause) {
    throw new BrokerError('BATON_INVALID_OPTION', `'tlsCaFile' cannot be read: ${path}`, { cause });
  }
}
