import type { Logger, LogFields, LogLevel } from '../logger.ts';

const SEVERITIES: Readonly<Record<LogLevel, number>> = { debug: 0, info: 1, warn: 2, error: 3 };

export interface JsonLoggerOptions {
  /** Lines below this level are dropped. @defaultValue `'info'` */
  readonly level?: LogLevel;
  /** Takes one line, with its line feed. Called in order; what it does with the line is its business. */
  readonly write: (line: string) => void;
  /** Wall clock of the lines, milliseconds. @defaultValue the machine's */
  readonly wallTime?: () => number;
}

/**
 * A logger that writes one JSON object a line: `time`, `level`, `message` and the fields.
 * It never throws: a field that JSON cannot express is written as text.
 */
export function jsonLogger(options: JsonLoggerOptions): Logger {
  const level = SEVERITIES[options.level ?? 'info'];
  const wallTime = options.wallTime ?? Date.now;
  const make = (inherited: LogFields): Logger => ({
    log(lineLevel: LogLevel, message: string, fields?: LogFields): void {
      if (SEVERITIES[lineLevel] < level) return;
      const time = new Date(wallTime()).toISOString();
      options.write(line({ time, level: lineLevel, message, ...inherited, ...fields }));
    },
    child: (fields: LogFields) => make({ ...inherited, ...fields }),
  });
  return make({});
}

function line(entry: LogFields): string {
  try {
    return `${JSON.stringify(entry, expressible)}\n`;
  } catch {
    // A cycle or a throwing toJSON: the facts are lost, the message is not.
    const { time, level, message } = entry;
    return `${JSON.stringify({ time, level, message })}\n`;
  }
}

function expressible(_key: string, value: unknown): unknown {
  if (typeof value === 'bigint') return value.toString();
  if (!(value instanceof Error)) return value;
  const code = 'code' in value ? value.code : undefined;
  return { name: value.name, code, message: value.message, cause: value.cause, stack: value.stack };
}
