import { expect, test } from 'vitest';
import { deadLinks } from '../src/links.ts';
import { errorsPage } from '../src/errors-page.ts';
import { filesBelow, members } from '../src/workspace.ts';

const pages = [
  'README.md',
  ...filesBelow('docs', '.md'),
  ...members().flatMap(({ path }) => filesBelow(path, 'README.md')),
];

test.each(pages)('%s has no dead link', (page) => {
  expect(deadLinks(page)).toEqual([]);
});

test('a link to a missing page or heading is dead, other links are not', () => {
  const text = '# One thing\n[a](missing.md) [b](#one-thing) [c](#two) [d](https://example.org)\n';
  expect(deadLinks('README.md', text)).toEqual(['missing.md', '#two']);
});

test('docs/reference/errors.md is made from the table of codes', async () => {
  await expect(errorsPage()).toMatchFileSnapshot('../../../docs/reference/errors.md');
});
