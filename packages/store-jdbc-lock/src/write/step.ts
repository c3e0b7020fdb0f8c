/** A value of a step; bytes are pieces, to be put one after another. */
export type StepValue = number | string | null | readonly Uint8Array[];

export type StepRow = readonly StepValue[];

/** What has to be done within a transaction, in plain data. Placeholders are `?`. Of no rows: nothing is done. */
export type Step = InsertStep | PutStep | RunStep | MatchStep;

/** Rows that are not there yet. */
export interface InsertStep {
  readonly kind: 'insert';
  readonly table: string;
  readonly columns: readonly string[];
  readonly rows: readonly StepRow[];
}

/** Rows that take the place of those with the same key, the first of the columns. */
export interface PutStep {
  readonly kind: 'put';
  readonly table: string;
  readonly columns: readonly string[];
  readonly rows: readonly StepRow[];
}

/** A statement that is run for each row. */
export interface RunStep {
  readonly kind: 'run';
  readonly sql: string;
  readonly rows: readonly StepRow[];
}

/** A statement on everything that meets the condition of any row; those of many rows may be joined by `or`. */
export interface MatchStep extends Match {
  readonly kind: 'match';
}

/** A query about everything that meets the condition of any row; asked in pieces, the answers add up. */
export interface MatchQuery extends Match {
  /** `group by …`, after the conditions. */
  readonly end: string;
}

interface Match {
  /** Up to and with `where`; conditions that follow are within parentheses. */
  readonly sql: string;
  /** Of the placeholders in `sql`. */
  readonly values: StepRow;
  readonly condition: string;
  /** Of the placeholders in `condition`. */
  readonly rows: readonly StepRow[];
}
