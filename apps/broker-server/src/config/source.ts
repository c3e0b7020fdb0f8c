import { LineCounter, parseDocument, visit, type Document } from 'yaml';
import { STORE_PASSWORD_VARIABLE } from '../store/store-choice.ts';
import { SETTINGS_SCHEMA, type PartialSettings, type SettingName } from './settings.ts';

/** Settings from one place, with what is wrong about them. */
export interface Source {
  readonly settings: PartialSettings;
  /** For the store that is chosen, wherever it is chosen. */
  readonly storePassword?: string | undefined;
  /** One line each, beginning with the place: `broker.yaml:4:7 …`, `--listen …`. */
  readonly problems: readonly string[];
  /** Where a setting of this source was made, or an option in it, for people. */
  placeOf(path: readonly string[]): string;
}

type Path = readonly PropertyKey[];

/** Where in a source a value is. */
interface Places {
  /** Of the value at a path, or of the nearest thing around it. */
  of(path: Path): string;
  /** Whether the place says by itself which setting it is. */
  readonly nameSettings: boolean;
}

/** Checks the raw values of one source. */
function checked(raw: unknown, places: Places): Source {
  const placeOf = (path: readonly string[]): string => places.of(path);
  const result = SETTINGS_SCHEMA.safeParse(raw ?? {});
  if (result.success) return { settings: result.data, problems: [], placeOf };
  const problems = result.error.issues.flatMap((issue) => {
    if (issue.code === 'unrecognized_keys') {
      return issue.keys.map((key) => `${places.of([...issue.path, key])} ${unknownSetting(key)}`);
    }
    const name = places.nameSettings ? '' : `${issue.path.map(String).join('.') || 'the file'}: `;
    return [`${places.of(issue.path)} ${name}${issue.message}`];
  });
  return { settings: {}, problems, placeOf };
}

function unknownSetting(key: string): string {
  return `${key} is not a setting; these are: ${Object.keys(SETTINGS_SCHEMA.shape).join(', ')}`;
}

/** A configuration file; YAML, so JSON too. `name` is how messages call it. */
export function fileSource(name: string, text: string): Source {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines });
  const at = (offset: number): string => {
    const { line, col } = lines.linePos(offset);
    return `${name}:${line}:${col}`;
  };
  const problems = [
    ...document.errors.map(
      (error) => `${at(error.pos[0])} ${error.message.split(/ at line|\n/)[0] ?? error.message}`,
    ),
    ...danglingAliases(document).map(
      (offset) => `${at(offset)} text that begins with * must be in quotes`,
    ),
  ];
  if (problems.length > 0) {
    return { settings: {}, problems, placeOf: () => name };
  }
  const locate = (path: Path): string => {
    for (let length = path.length; length > 0; length -= 1) {
      const node: unknown = document.getIn(path.slice(0, length), true);
      const range = (node as { range?: readonly number[] } | undefined)?.range;
      if (range?.[0] !== undefined) return at(range[0]);
    }
    return at(0);
  };
  return checked(document.toJS() as unknown, { of: locate, nameSettings: false });
}

/** Where something is repeated that is nowhere in the document: a password may begin like that. */
function danglingAliases(document: Document): number[] {
  const offsets: number[] = [];
  visit(document, {
    Alias: (_, alias) => {
      if (alias.resolve(document) === undefined) offsets.push(alias.range?.[0] ?? 0);
    },
  });
  return offsets;
}

/** A configuration file that cannot be read; what is wrong elsewhere is reported with it. */
export function missingFile(name: string, reason: string): Source {
  const problems = [`--config ${name} cannot be read: ${reason}`];
  return { settings: {}, problems, placeOf: () => name };
}

/** Environment variables, with the setting each of them makes. Lists are separated by commas. */
export const VARIABLES: Readonly<Record<string, SettingName>> = {
  BATONMQ_NAME: 'name',
  BATONMQ_LISTEN: 'listen',
  BATONMQ_STORE: 'store',
  BATONMQ_ADMIN: 'admin',
  BATONMQ_AUDIT: 'audit',
  BATONMQ_LOG: 'log',
  BATONMQ_LOG_LEVEL: 'logLevel',
};

/** Of the program too, but of its other commands, about where settings are, or a part of one. */
const NOT_SETTINGS = [
  'BATONMQ_CONFIG',
  'BATONMQ_USER',
  'BATONMQ_PASSWORD',
  STORE_PASSWORD_VARIABLE,
];

/** The environment; variables of the program's prefix that it does not know are problems. */
export function environmentSource(
  environment: Readonly<Record<string, string | undefined>>,
): Source {
  const raw: Record<string, unknown> = {};
  const unknown: string[] = [];
  for (const [variable, value] of Object.entries(environment)) {
    if (!variable.startsWith('BATONMQ_') || NOT_SETTINGS.includes(variable)) continue;
    const name = VARIABLES[variable];
    if (name === undefined) unknown.push(variable);
    else raw[name] = name === 'listen' ? value?.split(',') : value;
  }
  const known = [...Object.keys(VARIABLES), STORE_PASSWORD_VARIABLE].join(', ');
  const variableOf = new Map(Object.entries(VARIABLES).map(([variable, name]) => [name, variable]));
  const source = checked(raw, {
    of: (path) => variableOf.get(String(path[0]) as SettingName) ?? 'the environment',
    nameSettings: true,
  });
  const problems = unknown.map(
    (name) => `${name} is not a variable of batonmq; these are: ${known}`,
  );
  const storePassword = environment[STORE_PASSWORD_VARIABLE];
  return { ...source, storePassword, problems: [...problems, ...source.problems] };
}

/** Flags of the command line, by the name of the setting. */
export function flagSource(flags: Readonly<Record<string, unknown>>): Source {
  return checked(flags, {
    of: (path) => `--${String(path[0]).replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`,
    nameSettings: true,
  });
}
