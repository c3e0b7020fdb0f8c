import { styleText } from 'node:util';
import type { Logger, LogFields, LogLevel } from '@batonmq/runtime';

const SEVERITIES: Readonly<Record<LogLevel, number>> = { debug: 0, info: 1, warn: 2, error: 3 };
const COLOURS = { debug: 'gray', info: 'green', warn: 'yellow', error: 'red' } as const;

export interface PrettyLoggerOptions {
  readonly level: LogLevel;
  readonly write: (line: string) => void;
  readonly wallTime: () => number;
  readonly isColoured: boolean;
}

/** A logger for human eyes: time, level, message, then the fields as `name=value`. */
export function prettyLogger(options: PrettyLoggerOptions): Logger {
  const make = (inherited: LogFields): Logger => ({
    log(level: LogLevel, message: string, fields?: LogFields): void {
      if (SEVERITIES[level] < SEVERITIES[options.level]) return;
      const time = new Date(options.wallTime()).toTimeString().slice(0, 8);
      const label = level.toUpperCase().padEnd(5);
      const facts = Object.entries({ ...inherited, ...fields })
        .filter(([, value]) => value !== undefined)
        .map(([name, value]) => `${name}=${inWords(value)}`);
      const shownLabel = options.isColoured ? styleText(COLOURS[level], label) : label;
      const shownFacts = options.isColoured ? styleText('gray', facts.join(' ')) : facts.join(' ');
      options.write(
        `${time} ${shownLabel} ${message}${facts.length > 0 ? `  ${shownFacts}` : ''}\n`,
      );
    },
    child: (fields: LogFields) => make({ ...inherited, ...fields }),
  });
  return make({});
}

function inWords(value: unknown): string {
  if (value instanceof Error) return value.message;
  if (typeof value === 'string') return /\s/.test(value) ? `'${value}'` : value;
  if (typeof value === 'bigint') return value.toString();
  try {
    return JSON.stringify(value);
  } catch {
    return '[unprintable]';
  }
}
