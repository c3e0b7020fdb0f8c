import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { resolveSettings } from './resolve-settings.ts';
import { fileSource } from './source.ts';

const EXAMPLES = ['policies', 'security'].flatMap((guide) => {
  const page = new URL(`../../../../docs/guides/${guide}.md`, import.meta.url);
  const blocks = readFileSync(page, 'utf8').matchAll(/^```yaml\n(.*?)^```/gms);
  return [...blocks].map(([, text = '']) => text);
});

test.each(EXAMPLES)('an example of the guide is a configuration that is taken: %#', (text) => {
  const machine = { hostName: 'host', isTerminal: false };
  const source = fileSource('guide.yaml', text);
  expect(() => resolveSettings([source], machine)).not.toThrow();
});
