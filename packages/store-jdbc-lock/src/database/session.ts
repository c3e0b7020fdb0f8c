/** One value of a row. Whole numbers come as numbers, also where a driver makes texts of them. */
export type Value = number | string | Uint8Array | null;

export type Row = Readonly<Record<string, Value>>;

/** A statement with the values of its parameters, in the form of its database. */
export interface Statement {
  readonly sql: string;
  readonly values: readonly unknown[];
  /** The database keeps it prepared under this name. */
  readonly name?: string;
}

/** One connection to the database. Statements wait for one another. */
export interface Session {
  /** Resolves with the reason when the connection has ended, whoever ended it. */
  readonly ended: Promise<Error>;
  /** @throws what the driver throws; `Database.failureOf` says what it means. */
  run(statement: Statement): Promise<readonly Row[]>;
  /** All of them, or none. */
  runAll(statements: readonly Statement[]): Promise<void>;
  /** Ends the connection at once, whatever is under way. */
  destroy(): void;
}

/** What an error of the driver means for what was asked. */
export type Failure =
  /** Nothing of it took effect; the same may succeed when it is tried again. */
  | 'retry'
  /** The connection is gone, or no use any more; a write that was under way may have taken effect. */
  | 'disconnected'
  /** There is no room. Nothing of it took effect. */
  | 'full'
  /** Trying again changes nothing. */
  | 'fatal';
