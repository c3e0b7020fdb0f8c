import { readFileSync } from 'node:fs';
import { silentLogger } from '@batonmq/runtime';
import { SimClock } from '@batonmq/runtime/sim';
import { ManagedProcess, temporaryDirectory } from '@batonmq/services';
import { expect, test } from 'vitest';
import { TlsFiles } from '../tls/tls-files.ts';
import { resolveSettings } from './resolve-settings.ts';
import { fileSource } from './source.ts';

const PAGES = [
  'policies.md',
  'security.md',
  'sql.md',
  'tls-and-websocket.md',
  'virtual-destinations.md',
];
const EXAMPLES = PAGES.flatMap((page) =>
  blocks(page, 'yaml').map((text, index): [string, string] => [`${page} ${index + 1}`, text]),
);

function blocks(page: string, language: string): string[] {
  const text = readFileSync(new URL(`../../../../docs/guides/${page}`, import.meta.url), 'utf8');
  const found = text.matchAll(new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\``, 'gms'));
  return [...found].map(([, block = '']) => block);
}

test.each(EXAMPLES)('example %s is a configuration that is taken', (_name, text) => {
  const machine = { hostName: 'host', isTerminal: false };
  const source = fileSource('example.yaml', text);
  expect(() => resolveSettings([source], machine)).not.toThrow();
});

test('the commands of the guide make certificates that a broker can use', async () => {
  await using place = await temporaryDirectory();
  const [commands = ''] = blocks('tls-and-websocket.md', 'sh');
  await new ManagedProcess('sh', ['-e', '-c', `cd ${place.path}\n${commands}`]).succeeded();
  for (const name of ['server', 'client']) {
    const [certificate, key] = [`${place.path}/${name}.pem`, `${place.path}/${name}.key`];
    const options = { certificate, key, ca: `${place.path}/ca.pem` };
    expect(new TlsFiles(options, new SimClock(), silentLogger).identity).toBeDefined();
  }
});
