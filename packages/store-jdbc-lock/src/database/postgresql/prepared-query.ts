import type { Connection, Submittable } from 'pg';
import type { BindMessage, BinaryValue } from './bind-message.ts';

/** What goes to the server prepared, and is asked only for how many rows it gives. */
export interface PreparedStatement {
  readonly sql: string;
  readonly name: string;
  readonly values: readonly BinaryValue[];
}

/** What the driver's own queries use of a connection. */
type DriverConnection = Connection & {
  readonly parsedStatements: Readonly<Record<string, string>>;
};

/** A query that submits itself, with values in the form in which the server wants them. The driver calls its methods. */
export class PreparedQuery implements Submittable {
  /** With these two the driver notes that the statement was prepared. */
  readonly name: string;
  readonly text: string;
  readonly #values: readonly BinaryValue[];
  readonly #message: BindMessage;
  readonly #resolve: (rowCount: number) => void;
  readonly #reject: (error: Error) => void;
  #rowCount = 0;

  constructor(
    { name, sql, values }: PreparedStatement,
    message: BindMessage,
    resolve: (rowCount: number) => void,
    reject: (error: Error) => void,
  ) {
    this.name = name;
    this.text = sql;
    this.#values = values;
    this.#message = message;
    this.#resolve = resolve;
    this.#reject = reject;
  }

  /** Called when the server has answered everything before it. */
  submit(connection: Connection): void {
    const { parsedStatements } = connection as DriverConnection;
    const { name, text } = this;
    connection.stream.cork();
    if (!Object.hasOwn(parsedStatements, name)) connection.parse({ name, text, types: [] }, true);
    connection.stream.write(this.#message.of(name, this.#values));
    connection.execute(null, true);
    connection.sync();
    connection.stream.uncork();
  }

  handleDataRow(): void {
    this.#rowCount += 1;
  }

  handleCommandComplete(): void {
    // What counts is that the server is ready again.
  }

  handleReadyForQuery(): void {
    this.#resolve(this.#rowCount);
  }

  handleError(error: Error): void {
    this.#reject(error);
  }
}
