export type LogLevel = 'debug' | 'info' | 'warn' | 'error';

/** Facts that go with a line: `connectionId`, `epoch`, `destination`, … `error` may hold an Error. */
export type LogFields = Readonly<Record<string, unknown>>;

/** Structured logging. Never throws, never blocks. */
export interface Logger {
  log(level: LogLevel, message: string, fields?: LogFields): void;
  /** A logger that adds `fields` to each line. */
  child(fields: LogFields): Logger;
}

/** A logger that drops everything. */
export const silentLogger: Logger = {
  log: () => undefined,
  child: () => silentLogger,
};
