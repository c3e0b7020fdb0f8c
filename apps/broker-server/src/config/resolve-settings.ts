import { policyProblems, resolveBrokerOptions } from '@batonmq/broker-core';
import { BrokerError } from '@batonmq/model';
import { stringify } from 'yaml';
import {
  hasPassword,
  storeOptions,
  withPassword,
  type StoreChoice,
} from '../store/store-choice.ts';
import { HIDDEN } from '../store/store-kind.ts';
import { entriesOf, isMapping, type Options } from './option-section.ts';
import {
  defaultSettings,
  effectiveSettings,
  type PartialSettings,
  type SettingName,
  type Settings,
  type Surroundings,
} from './settings.ts';
import type { Source } from './source.ts';

/** Which setting, and which option in it. */
type SettingPath = readonly [name: SettingName, ...option: string[]];

/** Settings in force, and where each comes from. */
export interface ResolvedSettings {
  readonly settings: Settings;
  /** Of a setting, or of an option in one: its place, or `default`. */
  readonly originOf: (path: SettingPath) => string;
}

/**
 * Puts the sources over the defaults; later sources win.
 *
 * @throws `BATON_INVALID_OPTION` with every problem of every source, one a line.
 */
export function resolveSettings(
  sources: readonly Source[],
  surroundings: Surroundings,
): ResolvedSettings {
  const problems = sources.flatMap((source) => source.problems);
  if (problems.length > 0) throw new BrokerError('BATON_INVALID_OPTION', problems.join('\n'));

  const given = sources.reduce<PartialSettings>(
    (merged, source) => ({ ...merged, ...source.settings }),
    {},
  );
  const chosen = { ...defaultSettings(given, surroundings), ...given } as Settings;
  const settings = { ...chosen, store: withGivenPassword(chosen.store, sources) };
  const resolved = { settings, originOf: (path: SettingPath) => originOf(path, sources) };
  checkWriteLimits(resolved);
  checkPolicies(resolved);
  return resolved;
}

/**
 * A password of the environment is for a store of a flag too, but not for one that came with its own.
 *
 * @throws `BATON_INVALID_OPTION` if the store takes none.
 */
function withGivenPassword(store: StoreChoice, sources: readonly Source[]): StoreChoice {
  let given: string | undefined;
  for (const { settings, storePassword } of sources) {
    if (settings.store !== undefined && hasPassword(settings.store)) given = undefined;
    given = storePassword ?? given;
  }
  return given === undefined ? store : withPassword(store, given);
}

/**
 * A journal refuses what it cannot hold, and a refusal that the broker did not expect ends its lease.
 * The broker hands over at most half of its limit; the other half is room for the journal's own
 * way of counting.
 *
 * @throws `BATON_INVALID_OPTION`.
 */
function checkWriteLimits({ settings, originOf }: ResolvedSettings): void {
  const { broker, store } = effectiveSettings(settings);
  const journal: unknown = isMapping(store) ? store['journal'] : undefined;
  const pendingBytesMax = isMapping(journal) ? journal['pendingBytesMax'] : undefined;
  const writeBytesMax = isMapping(broker) ? broker['writeBytesMax'] : undefined;
  if (typeof pendingBytesMax !== 'number' || typeof writeBytesMax !== 'number') return;
  if (pendingBytesMax >= writeBytesMax) return;
  throw new BrokerError(
    'BATON_INVALID_OPTION',
    `store.journal.pendingBytesMax, ${pendingBytesMax} (${originOf(['store', 'journal', 'pendingBytesMax'])}), ` +
      `must be at least broker.writeBytesMax, ${writeBytesMax} (${originOf(['broker', 'writeBytesMax'])})`,
  );
}

/** The last source that makes a setting makes all of it, with the options in it. */
/** @throws `BATON_INVALID_OPTION` for policies that ask for more than the broker has. */
function checkPolicies({ settings, originOf }: ResolvedSettings): void {
  const { policies, broker } = settings;
  const problems = [...policyProblems(policies ?? [], resolveBrokerOptions(broker))];
  if (problems.length === 0) return;
  const lines = problems.map(({ path, message }) => {
    const at: SettingPath = ['policies', ...path.map(String)];
    return `${originOf(['policies'])} ${at.join('.')}: ${message}`;
  });
  throw new BrokerError('BATON_INVALID_OPTION', lines.join('\n'));
}

function originOf([name, ...option]: SettingPath, sources: readonly Source[]): string {
  const source = sources.findLast(({ settings }) => settings[name] !== undefined);
  if (source === undefined) return 'default';
  const { store, [name]: value } = source.settings;
  const given = name === 'store' && store !== undefined ? storeSection(store) : value;
  const isGiven = option.length === 0 || (isMapping(given) && hasEntry(given, option));
  return isGiven ? source.placeOf([name, ...option]) : 'default';
}

function storeSection(store: StoreChoice): Options {
  return { uri: '', ...storeOptions(store) };
}

function hasEntry(options: Options, path: readonly string[]): boolean {
  return entriesOf(options).some(([other]) => other.join('.') === path.join('.'));
}

/** All settings in force as a configuration file, each with where it comes from. */
export function formatSettings({ settings, originOf }: ResolvedSettings): string {
  const effective = effectiveSettings(settings);
  return (Object.keys(effective) as SettingName[])
    .filter((name) => effective[name] !== undefined)
    .map((name) => {
      const value: unknown = effective[name];
      if (isMapping(value)) return `${name}:\n${formatSection(value, [name], originOf)}`;
      return `# ${originOf([name])}\n${stringify({ [name]: value }, { lineWidth: 0 })}`;
    })
    .join('');
}

function formatSection(
  section: Options,
  path: SettingPath,
  originOf: ResolvedSettings['originOf'],
): string {
  const indent = '  '.repeat(path.length);
  return Object.entries(section)
    .map(([name, value]) => {
      const inner: SettingPath = [...path, name];
      if (isMapping(value)) return `${indent}${name}:\n${formatSection(value, inner, originOf)}`;
      if (value === HIDDEN) return `${indent}# ${name} is set and not shown\n`;
      return `${indent}${name}: ${JSON.stringify(value)} # ${originOf(inner)}\n`;
    })
    .join('');
}
