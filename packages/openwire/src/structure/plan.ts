/**
 * The table turned by 90 degrees: for each version, what to do field by field for each type code.
 * Made once per process and version.
 */
import { present } from '@batonmq/model';
import type { Command, DataStructure, TypeName } from './commands.ts';
import { initialOf } from './build-command.ts';
import { MESSAGES, TABLE, type Field, type WireType } from './table.ts';

/** Type codes a field may hold: 1 at each allowed code. */
export type TypeSet = Uint8Array;

export interface PlanStep {
  readonly name: string;
  readonly wire: WireType;
  readonly holds: TypeSet;
  /** A second field that gets the value too when it is read. */
  readonly alsoSets: string | null;
}

export interface Plan {
  readonly type: TypeName;
  readonly code: number;
  readonly standsAlone: boolean;
  /** An extra bit announces such a structure when it is nested in a tight frame. */
  readonly isMarshalAware: boolean;
  readonly initial: DataStructure;
  readonly steps: readonly PlanStep[];
}

/** By type code; undefined where the version has no such type. */
export type Plans = readonly (Plan | undefined)[];

const CODES = new Map<string, number>(Object.entries(TABLE).map(([name, row]) => [name, row.code]));

/** Type code of a structure, undefined if `type` is no name of one. */
export function codeOf(type: string): number | undefined {
  return CODES.get(type);
}

/** The codes of some types, for fields that hold nothing else. */
export function typeSet(names: readonly TypeName[] | 'anything'): TypeSet {
  const set = new Uint8Array(256);
  for (const name of names === 'anything' ? CODES.keys() : names)
    set[TABLE[name as TypeName].code] = 1;
  return set;
}

const made = new Map<number, Plans>();

/** @param version - 1 to 12. */
export function plansOf(version: number): Plans {
  const known = made.get(version);
  if (known !== undefined) return known;
  const plans = new Array<Plan | undefined>(256).fill(undefined);
  for (const type of Object.keys(TABLE) as TypeName[]) {
    const row = TABLE[type];
    if (row.since <= version) plans[row.code] = planOf(type, version);
  }
  made.set(version, plans);
  return plans;
}

function planOf(type: TypeName, version: number): Plan {
  const { code, standsAlone, fields } = TABLE[type];
  const steps = Object.entries<Field>(fields)
    .filter(([, field]) => field.since <= version && version <= field.until)
    .map(([name, field]) => stepOf(name, field));
  const isMarshalAware =
    type === 'WireFormatInfo' || present(MESSAGE_CODES[code], 'a code is a byte') === 1;
  return { type, code, standsAlone, isMarshalAware, initial: initialOf(type), steps };
}

const MESSAGE_CODES = typeSet(MESSAGES);

function stepOf(name: string, field: Field): PlanStep {
  const step = { name, wire: field.wire, holds: typeSet(field.holds), alsoSets: null };
  // Versions before 10 had one TTL for what became two fields.
  return name === 'networkTTL' ? { ...step, name: 'messageTTL', alsoSets: 'consumerTTL' } : step;
}

/** True for what may be a frame of its own. */
export function standsAlone(structure: DataStructure): structure is Command {
  return TABLE[structure.type].standsAlone;
}
