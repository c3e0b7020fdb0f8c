import { BrokerError } from '@batonmq/model';

/** A leap day can be eight years away (1896 to 1904); what is not found by then never comes. */
const DAYS_MAX = 8 * 366;

const FIELDS = [
  { name: 'minute', least: 0, most: 59 },
  { name: 'hour', least: 0, most: 23 },
  { name: 'day of the month', least: 1, most: 31 },
  { name: 'month', least: 1, most: 12 },
  { name: 'day of the week', least: 0, most: 6 },
] as const;

interface Field {
  readonly values: readonly number[];
  readonly isEvery: boolean;
}

/**
 * A cron entry of five fields: `minute hour day-of-month month day-of-week`, Sunday is 0. A field is `*`,
 * a number, a range `1-5`, any of these with a step (`*` or `10-50`, then `/15`: the values that the step
 * divides), or a list of those with commas. Times are those of the broker's time zone.
 *
 * If both days are restricted, either of them is enough.
 */
export class Cron {
  readonly text: string;
  readonly #fields: readonly Field[];

  /** @throws `BATON_INVALID_ARGUMENT` naming the field that is wrong. */
  constructor(text: string) {
    const tokens = text.trim().split(/\s+/);
    if (tokens.length !== FIELDS.length) {
      throw invalid(text, `it has ${tokens.length} fields; 5 are needed`);
    }
    this.text = text;
    this.#fields = FIELDS.map(({ name, least, most }, index) => {
      const token = tokens[index] ?? '';
      const values = valuesOf(token, least, most);
      if (values !== undefined) return { values, isEvery: token === '*' };
      throw invalid(text, `"${token}" is no ${name} from ${least} to ${most}`);
    });
  }

  /** The first time after `time`, both in milliseconds since 1970; none if the date never comes. */
  next(time: number): number | undefined {
    const today = new Date(time);
    const [minutes, hours] = this.#fields;
    for (let ahead = 0; ahead <= DAYS_MAX; ahead += 1) {
      const day = new Date(today.getFullYear(), today.getMonth(), today.getDate() + ahead);
      if (!this.#isOn(day)) continue;
      for (const hour of hours?.values ?? []) {
        for (const minute of minutes?.values ?? []) {
          const found = new Date(day).setHours(hour, minute);
          if (found > time) return found;
        }
      }
    }
    return undefined;
  }

  #isOn(day: Date): boolean {
    const [, , monthDays, months, weekDays] = this.#fields;
    if (months?.values.includes(day.getMonth() + 1) !== true) return false;
    const isMonthDay = monthDays?.values.includes(day.getDate()) === true;
    const isWeekDay = weekDays?.values.includes(day.getDay()) === true;
    const areBothRestricted = monthDays?.isEvery === false && weekDays?.isEvery === false;
    return areBothRestricted ? isMonthDay || isWeekDay : isMonthDay && isWeekDay;
  }
}

function valuesOf(token: string, least: number, most: number): readonly number[] | undefined {
  const values = new Set<number>();
  for (const part of token.split(',')) {
    const match = /^(?:\*|(\d{1,2})(?:-(\d{1,2}))?)(?:\/(\d{1,2}))?$/.exec(part);
    if (match === null) return undefined;
    const [, first, last, step = '1'] = match;
    const from = first === undefined ? least : Number(first);
    const to = first === undefined ? most : Number(last ?? first);
    if (from < least || to > most || from > to || Number(step) === 0) return undefined;
    for (let value = from; value <= to; value += 1) {
      if (value % Number(step) === 0) values.add(value);
    }
  }
  return values.size === 0 ? undefined : [...values].sort((one, other) => one - other);
}

function invalid(text: string, why: string): BrokerError {
  return new BrokerError('BATON_INVALID_ARGUMENT', `"${text}" is no cron entry: ${why}`, {
    details: { cron: text },
  });
}
