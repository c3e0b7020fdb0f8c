import ts from 'typescript';
import { readText } from './workspace.ts';

/**
 * Who may import whom: docs/architecture.md draws it. Imports go down only. Apps and tooling may
 * import any public entry and are not listed.
 */
export const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  model: [],
  runtime: ['model'],
  'message-content': ['model'],
  openwire: ['model', 'message-content'],
  selector: ['model'],
  'store-spi': ['model', 'runtime'],
  discovery: ['model', 'runtime'],
  transport: ['model', 'runtime'],
  // It is written against the records of the store contract: docs/adr/0002.
  journal: ['model', 'runtime', 'store-spi'],
  // Never an implementation: a fix in one of them must not release the kit anew.
  'store-testkit': ['model', 'runtime', 'store-spi'],
  'store-memory': ['model', 'runtime', 'store-spi'],
  'store-fs-lock': ['model', 'runtime', 'store-spi', 'journal'],
  'store-jdbc-lock': ['model', 'runtime', 'store-spi'],
  // Never a concrete store, protocol or discovery agent.
  'broker-core': ['model', 'runtime', 'message-content', 'selector', 'store-spi'],
  'users-file': ['model', 'runtime', 'broker-core'],
  'protocol-openwire': [
    'model',
    'runtime',
    'message-content',
    'broker-core',
    'transport',
    'openwire',
  ],
  'protocol-stomp': ['model', 'runtime', 'message-content', 'broker-core', 'transport'],
  client: ['model', 'runtime', 'message-content', 'openwire', 'transport', 'discovery'],
};

/** Peers, of which a team installs that of its database. */
const SQL_DRIVERS = ['better-sqlite3', 'mysql2', 'oracledb', 'pg'];

/** Packages of others that a package may ship with. Anything more needs a decision record. */
export const MAY_DEPEND_ON: Readonly<Record<string, readonly string[]>> = {
  'store-fs-lock': ['fs-native-extensions'],
  // The driver of the database in use is installed beside it.
  'store-jdbc-lock': ['knex', ...SQL_DRIVERS],
  transport: ['ws'],
  'broker-server': ['commander', 'yaml', 'zod', ...SQL_DRIVERS],
};

/** The specifiers a file imports or re-exports from, also as types and dynamically. */
export function importsOf(path: string): readonly string[] {
  const { importedFiles } = ts.preProcessFile(readText(path), true, true);
  return importedFiles.map((file) => file.fileName);
}

/** `@batonmq/runtime/node` is of package `@batonmq/runtime`, `fs/promises` of `fs`. */
export function packageOf(specifier: string): string {
  const parts = specifier.split('/');
  return parts.slice(0, specifier.startsWith('@') ? 2 : 1).join('/');
}
