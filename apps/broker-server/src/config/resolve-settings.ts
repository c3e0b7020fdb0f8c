import { BrokerError } from '@batonmq/model';
import { stringify } from 'yaml';
import {
  defaultSettings,
  type PartialSettings,
  type SettingName,
  type Settings,
  type Surroundings,
} from './settings.ts';
import type { Source } from './source.ts';

/** Settings in force, and where each comes from. */
export interface ResolvedSettings {
  readonly settings: Settings;
  readonly origins: Readonly<Record<SettingName, string>>;
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
  const settings = { ...defaultSettings(given, surroundings), ...given } as Settings;
  const names = Object.keys(settings) as SettingName[];
  const origins = names.map((name) => {
    const source = sources.findLast((candidate) => candidate.settings[name] !== undefined);
    return [name, source?.placeOf(name) ?? 'default'] as const;
  });
  return { settings, origins: Object.fromEntries(origins) as Record<SettingName, string> };
}

/** The settings as a configuration file, each with where it comes from. */
export function formatSettings({ settings, origins }: ResolvedSettings): string {
  return (Object.keys(settings) as SettingName[])
    .map((name) => `# ${origins[name]}\n${stringify({ [name]: settings[name] })}`)
    .join('');
}
