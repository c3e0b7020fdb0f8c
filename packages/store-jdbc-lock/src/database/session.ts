/** One value of a row. Whole numbers come as numbers, also where a driver makes texts of them. */
export type Value = number | string | Uint8Array | null;

/** Names of columns are in lower case. */
export type Row = Readonly<Record<string, Value>>;

/** A statement with the values of its parameters, in the form of its database. */
export interface Statement {
  readonly sql: string;
  /** Drivers make of an array what their database has for several values. */
  readonly values: readonly unknown[];
}

export interface Outcome {
  readonly rows: readonly Row[];
  /** Rows that were inserted, changed or deleted. */
  readonly changedCount: number;
}

/** One connection to the database. Statements wait for one another. */
export interface Session {
  /** Resolves with the reason when the connection has ended, whoever ended it. */
  readonly ended: Promise<Error>;
  /**
   * Each statement is a transaction of its own.
   *
   * @throws what the driver throws; `Database.failureOf` says what it means.
   */
  run(statement: Statement): Promise<Outcome>;
  /** Ends the connection at once, whatever is under way; that rejects. Idempotent. */
  destroy(): void;
}

/** What an error of the driver means for what was asked. */
export type Failure =
  /** Nothing of it took effect; the same may succeed when it is tried again. */
  | 'retry'
  /** The connection is gone, or no use any more; a write that was under way may have taken effect. */
  | 'disconnected'
  /** There is no room for it, or it is larger than the database takes. Nothing of it took effect. */
  | 'full'
  /** Trying again changes nothing. */
  | 'fatal';
