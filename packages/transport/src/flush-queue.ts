/** What wants to write at the end of this turn. */
export interface Flushable {
  flush(): void;
}

/**
 * Everything that asked for a flush in this turn. One immediate serves all sockets of the process:
 * it runs after the I/O events of the turn, so whatever those caused leaves each socket in one write.
 */
let waiting: Flushable[] = [];

/** Calls `flush` once at the end of this turn. The caller sees to it that it asks only once a turn. */
export function flushAtEndOfTurn(target: Flushable): void {
  if (waiting.push(target) === 1) setImmediate(flushAll);
}

function flushAll(): void {
  const due = waiting;
  // Requests made while flushing belong to the next turn.
  waiting = [];
  for (const target of due) target.flush();
}
