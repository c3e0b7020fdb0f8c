import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { resolveSettings } from './resolve-settings.ts';
import { fileSource } from './source.ts';

const PAGE = readFileSync(new URL('../../../../docs/guides/policies.md', import.meta.url), 'utf8');
const EXAMPLES = [...PAGE.matchAll(/^```yaml\n(.*?)^```/gms)].map(([, text = '']) => text);

test.each(EXAMPLES)('an example of the guide is a configuration that is taken: %#', (text) => {
  const machine = { hostName: 'host', isTerminal: false };
  const source = fileSource('policies.yaml', text);
  expect(() => resolveSettings([source], machine)).not.toThrow();
});
