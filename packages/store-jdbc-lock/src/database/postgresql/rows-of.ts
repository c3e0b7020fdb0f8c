/**
 * SQL: one row of `t` for each element of arrays of the same length, if the fence holds.
 *
 * In a select list such functions run in step and give one row after the other. In a from clause each fills a table of its
 * own first: a statement with a dozen of them takes so much memory for one message that the server asks the kernel for
 * it anew each time.
 *
 * @param arrays - SQL of an array by the name of its column
 */
export function rowsOf(arrays: Readonly<Record<string, string>>): string {
  const columns = Object.entries(arrays).map(([column, array]) => `unnest(${array}) as ${column}`);
  return `(select ${columns.join(', ')} from fence) as t`;
}
