import ts from 'typescript';
import { readText } from './workspace.ts';

/** Something that shipped source must not contain, and what to write in its place. */
export interface Ban {
  /** As a finding names it. */
  readonly what: string;
  readonly instead: string;
  /** Path prefixes where it is allowed, because the replacement is made of it. */
  readonly allowedIn: readonly string[];
  isIn(node: ts.Node): boolean;
}

const MACHINE = ['packages/runtime/src/node/'];
const PROGRAMS = ['apps/', 'tooling/'];
/** Sockets are made of these, and have no simulated form of their own: a simulation replaces them whole. */
const SOCKETS = ['packages/transport/src/'];

export const BANS: readonly Ban[] = [
  bannedModule('node:fs', 'runtime’s Files', [...MACHINE, ...PROGRAMS]),
  bannedModule('node:fs/promises', 'runtime’s Files', [...MACHINE, ...PROGRAMS]),
  bannedModule('node:net', 'transport', [...SOCKETS, ...PROGRAMS]),
  bannedModule('node:tls', 'transport', [...SOCKETS, ...PROGRAMS]),
  bannedModule('node:child_process', 'an event to the program', PROGRAMS),
  bannedModule('node:timers/promises', 'runtime’s Clock', PROGRAMS),
  bannedModule('node:process', 'an option given by the program', PROGRAMS),
  bannedMember('Date', 'now', 'Clock.wallTime or Clock.now', [...MACHINE, ...PROGRAMS]),
  bannedMember('performance', 'now', 'Clock.now', [...MACHINE, ...PROGRAMS]),
  bannedMember('Math', 'random', 'Random.float', [...MACHINE, ...PROGRAMS]),
  bannedCall('setTimeout', 'Clock.setTimer', [...MACHINE, ...SOCKETS, ...PROGRAMS]),
  bannedCall('setInterval', 'Clock.setTimer, set again each time', PROGRAMS),
  bannedCall('setImmediate', 'Clock.setImmediate', [...MACHINE, ...SOCKETS, ...PROGRAMS]),
  bannedCall('eval', 'a closure', []),
  {
    what: 'new Function',
    instead: 'a closure',
    allowedIn: [],
    isIn: (node) =>
      ts.isNewExpression(node) &&
      ts.isIdentifier(node.expression) &&
      node.expression.text === 'Function',
  },
  {
    what: 'new Date() of the present',
    instead: 'Clock.wallTime',
    allowedIn: [...MACHINE, ...PROGRAMS],
    isIn: (node) =>
      ts.isNewExpression(node) &&
      ts.isIdentifier(node.expression) &&
      node.expression.text === 'Date' &&
      (node.arguments ?? []).length === 0,
  },
  {
    what: 'process',
    instead: 'an option given by the program',
    allowedIn: PROGRAMS,
    isIn: (node) =>
      ts.isPropertyAccessExpression(node) &&
      ts.isIdentifier(node.expression) &&
      node.expression.text === 'process',
  },
  {
    what: 'export *',
    instead: 'a list of names',
    allowedIn: [],
    isIn: (node) => ts.isExportDeclaration(node) && node.exportClause === undefined,
  },
  {
    what: 'export default',
    instead: 'a named export',
    // The configuration of tools that look for it.
    allowedIn: ['tooling/setup/'],
    isIn: (node) => ts.isExportAssignment(node),
  },
  {
    what: 'enum',
    instead: 'a union of strings',
    allowedIn: [],
    isIn: (node) => ts.isEnumDeclaration(node),
  },
];

/** What `path` contains that is banned there: `src/x.ts:3: Date.now, use Clock.now instead`. */
export function findBanned(path: string, source = readText(path)): readonly string[] {
  const bans = BANS.filter((ban) => !ban.allowedIn.some((prefix) => path.startsWith(prefix)));
  const file = ts.createSourceFile(path, source, ts.ScriptTarget.ES2022);
  const findings: string[] = [];
  const visit = (node: ts.Node): void => {
    for (const ban of bans) {
      if (!ban.isIn(node)) continue;
      const line = file.getLineAndCharacterOfPosition(node.getStart(file)).line + 1;
      findings.push(`${path}:${line}: ${ban.what}; use ${ban.instead} instead`);
    }
    ts.forEachChild(node, visit);
  };
  visit(file);
  return findings;
}

function bannedModule(module: string, instead: string, allowedIn: readonly string[]): Ban {
  const isIn = (node: ts.Node): boolean =>
    (ts.isImportDeclaration(node) || ts.isExportDeclaration(node)) &&
    node.moduleSpecifier !== undefined &&
    ts.isStringLiteral(node.moduleSpecifier) &&
    node.moduleSpecifier.text === module;
  return { what: module, instead, allowedIn, isIn };
}

function bannedMember(
  object: string,
  member: string,
  instead: string,
  allowedIn: readonly string[],
): Ban {
  const isIn = (node: ts.Node): boolean =>
    ts.isPropertyAccessExpression(node) &&
    ts.isIdentifier(node.expression) &&
    node.expression.text === object &&
    node.name.text === member;
  return { what: `${object}.${member}`, instead, allowedIn, isIn };
}

function bannedCall(name: string, instead: string, allowedIn: readonly string[]): Ban {
  const isIn = (node: ts.Node): boolean =>
    ts.isCallExpression(node) && ts.isIdentifier(node.expression) && node.expression.text === name;
  return { what: name, instead, allowedIn, isIn };
}
