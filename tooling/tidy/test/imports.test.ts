import { builtinModules } from 'node:module';
import { expect, test } from 'vitest';
import { importsOf, MAY_DEPEND_ON, MAY_IMPORT, packageOf } from '../src/imports.ts';
import { members, readJson, shippedSources, testSources, type Manifest } from '../src/workspace.ts';

const builtins = new Set(builtinModules);
const packages = members().filter((member) => member.group === 'packages');
const shipped = members().filter((member) => member.manifest.private !== true);

test('the table names every package and no other', () => {
  expect(Object.keys(MAY_IMPORT).sort()).toEqual(packages.map(({ name }) => name).sort());
});

test('the table has no cycle', () => {
  const below = (name: string, seen: readonly string[]): void => {
    expect(seen, 'a cycle').not.toContain(name);
    for (const next of MAY_IMPORT[name] ?? []) below(next, [...seen, name]);
  };
  for (const { name } of packages) below(name, []);
});

test.each(packages)('$name imports only what the table allows', (member) => {
  const allowed = (MAY_IMPORT[member.name] ?? []).map((name) => `@batonmq/${name}`);
  const found = shippedSources(member)
    .flatMap((path) => importsOf(path).map((specifier) => ({ path, specifier })))
    .filter(({ specifier }) => specifier.startsWith('@batonmq/'))
    .filter(({ specifier }) => !allowed.includes(packageOf(specifier)));
  expect(found).toEqual([]);
});

test.each(shipped)(
  '$name depends on nobody else’s code without a decision',
  ({ name, manifest }) => {
    const foreign = Object.keys({ ...manifest.dependencies, ...manifest.peerDependencies }).filter(
      (dependency) => !dependency.startsWith('@batonmq/'),
    );
    expect(foreign.sort()).toEqual([...(MAY_DEPEND_ON[name] ?? [])].sort());
  },
);

test.each(members())('$path declares what it imports, and imports public entries', (member) => {
  const { manifest } = member;
  const root = readJson('package.json') as Manifest;
  const inSource = new Set([
    manifest.name,
    ...Object.keys({ ...manifest.dependencies, ...manifest.peerDependencies }),
  ]);
  const inTests = new Set([
    ...inSource,
    ...Object.keys(manifest.devDependencies ?? {}),
    ...Object.keys(root.devDependencies ?? {}),
  ]);
  const undeclared = (paths: readonly string[], declared: ReadonlySet<string>): string[] =>
    paths.flatMap((path) =>
      importsOf(path)
        .filter((specifier) => !specifier.startsWith('.'))
        .filter((specifier) => !builtins.has(specifier.replace(/^node:/, '')))
        .filter((specifier) => !declared.has(packageOf(specifier)))
        .map((specifier) => `${path}: ${specifier}`),
    );
  expect(undeclared(shippedSources(member), inSource)).toEqual([]);
  expect(undeclared(testSources(member), inTests)).toEqual([]);
});

test.each(members())('$path reaches into no other member by a path', (member) => {
  const found = [...shippedSources(member), ...testSources(member)].flatMap((path) =>
    importsOf(path)
      .filter((specifier) => specifier.startsWith('.'))
      .filter((specifier) => {
        const goal = new URL(specifier, `file:///${path}`).pathname.slice(1);
        return !goal.startsWith(`${member.path}/`);
      })
      .map((specifier) => `${path}: ${specifier}`),
  );
  expect(found).toEqual([]);
});
