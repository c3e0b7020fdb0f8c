import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The checkout. */
export const ROOT = resolve(fileURLToPath(import.meta.url), '../../../..');

/** The parts of a package.json that our checks read. */
export interface Manifest {
  readonly name: string;
  readonly description?: string;
  readonly license?: string;
  readonly type?: string;
  readonly private?: boolean;
  readonly files?: readonly string[];
  readonly engines?: Readonly<Record<string, string>>;
  readonly exports?: Readonly<Record<string, unknown>>;
  readonly scripts?: Readonly<Record<string, string>>;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly devDependencies?: Readonly<Record<string, string>>;
  readonly peerDependencies?: Readonly<Record<string, string>>;
}

/** A member of the workspace. */
export interface Member {
  /** `packages`, `apps` or `tooling`. */
  readonly group: string;
  /** Name of its folder; for a package, its npm name without the scope. */
  readonly name: string;
  /** From the root, with slashes: `packages/model`. */
  readonly path: string;
  readonly manifest: Manifest;
}

/** Everything the workspace consists of, in the order of the groups. */
export function members(): readonly Member[] {
  return ['packages', 'apps', 'tooling'].flatMap((group) =>
    readdirSync(join(ROOT, group)).flatMap((name) => {
      const path = `${group}/${name}`;
      if (!existsSync(join(ROOT, path, 'package.json'))) return [];
      return [{ group, name, path, manifest: readJson(`${path}/package.json`) as Manifest }];
    }),
  );
}

/** Reads a file of the checkout; `path` is from the root. */
export function readText(path: string): string {
  return readFileSync(join(ROOT, path), 'utf8');
}

export function readJson(path: string): unknown {
  return JSON.parse(readText(path));
}

export function exists(path: string): boolean {
  return existsSync(join(ROOT, path));
}

const FOLDERS_LEFT_OUT = new Set(['node_modules', 'dist', 'coverage', '.turbo', '.git', 'data']);

/** Paths from the root of all files below `folder` whose name ends in `ending`. */
export function filesBelow(folder: string, ending: string): readonly string[] {
  const absolute = join(ROOT, folder);
  if (!existsSync(absolute)) return [];
  return readdirSync(absolute, { withFileTypes: true }).flatMap((entry) => {
    const path = relative(ROOT, join(absolute, entry.name)).replaceAll('\\', '/');
    if (entry.isDirectory()) {
      return FOLDERS_LEFT_OUT.has(entry.name) ? [] : filesBelow(path, ending);
    }
    return entry.name.endsWith(ending) ? [path] : [];
  });
}

/** A member's TypeScript that is shipped: `src` without the tests in it. */
export function shippedSources(member: Member): readonly string[] {
  return filesBelow(`${member.path}/src`, '.ts').filter((path) => !path.endsWith('.test.ts'));
}

/** A member's TypeScript that is not shipped: tests, fixtures, benchmarks. */
export function testSources(member: Member): readonly string[] {
  return [
    ...filesBelow(`${member.path}/src`, '.test.ts'),
    ...filesBelow(`${member.path}/test`, '.ts'),
    ...filesBelow(`${member.path}/bench`, '.ts'),
  ];
}
