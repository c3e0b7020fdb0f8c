import { expect, test } from 'vitest';
import { exists, members, readJson, readText, type Manifest } from '../src/workspace.ts';

interface Tsconfig {
  readonly references: readonly { readonly path: string }[];
}

const published = members().filter(({ manifest }) => manifest.private !== true);
const built = members().filter(({ path }) => exists(`${path}/tsconfig.json`));

test.each(published)('$path has what its users need', ({ path, group, name, manifest }) => {
  if (group === 'packages') expect(manifest.name).toBe(`@batonmq/${name}`);
  expect(manifest.description).toBeTruthy();
  expect(manifest.license).toBe('Apache-2.0');
  expect(manifest.type).toBe('module');
  expect(manifest.files).toContain('dist');
  expect(manifest.engines).toEqual({ node: '>=20.19' });
  expect(manifest.exports).toHaveProperty(['./package.json']);
  expect(manifest.scripts).toHaveProperty('package-lint');
  expect(readText(`${path}/README.md`)).toMatch(`# ${manifest.name}\n`);
});

test.each(published)('$path is built by the root', ({ path }) => {
  const { references } = readJson('tsconfig.json') as Tsconfig;
  expect(references.map((reference) => reference.path)).toContain(path);
});

test.each(built)('$path builds after what it depends on', ({ path, manifest }) => {
  const { references } = readJson(`${path}/tsconfig.json`) as Tsconfig;
  const referenced = references.map((reference) => new URL(reference.path, `file:///${path}/`));
  const needed = members()
    .filter((member) => member.manifest.name in (manifest.dependencies ?? {}))
    .map((member) => `/${member.path}`);
  expect(referenced.map((url) => url.pathname).sort()).toEqual(needed.sort());
});

test('versions of other people’s packages are pinned once, in the catalog', () => {
  const root = { path: 'the root', manifest: readJson('package.json') as Manifest };
  const found = [root, ...members()].flatMap(({ path, manifest }) =>
    Object.entries({ ...manifest.dependencies, ...manifest.devDependencies })
      .filter(([, range]) => range !== 'catalog:' && !range.startsWith('workspace:'))
      .map(([dependency, range]) => `${path}: ${dependency} ${range}`),
  );
  expect(found).toEqual([]);
});

test('packages are released together, the store contract and its kit on their own', () => {
  const config = readJson('.changeset/config.json') as { fixed: string[][] };
  expect(config.fixed).toEqual([['@batonmq/!(store-spi|store-testkit)']]);
});

test('the lock file names no place to download from', () => {
  expect(readText('pnpm-lock.yaml')).not.toMatch(/https?:\/\/|tarball:/);
});
