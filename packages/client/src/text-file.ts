import type { Files } from '@batonmq/runtime';

/** Lists of brokers and chains of certificates are shorter; a longer text is something else. */
const TEXT_BYTES_MAX = 65_536;

/** The text of a small file. Errors are the platform's own. */
export async function readTextFile(path: string, files: Files): Promise<string> {
  const file = await files.open(path, 'read');
  try {
    const { sizeBytes } = await file.status();
    if (sizeBytes > TEXT_BYTES_MAX)
      throw new Error(`${path} is longer than ${TEXT_BYTES_MAX} bytes`);
    const bytes = new Uint8Array(sizeBytes);
    const length = await file.read(bytes, 0);
    return new TextDecoder().decode(bytes.subarray(0, length));
  } finally {
    await file.close();
  }
}
