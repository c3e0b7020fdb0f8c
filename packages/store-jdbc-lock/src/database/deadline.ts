import type { Clock } from '@batonmq/runtime';
import type { Session } from './session.ts';

/** Beyond what it was asked to wait for, a database may take so long to answer a short question. */
const ANSWER_MS = 5_000;

/**
 * Ends a connection that has not answered in time: what is under way over it rejects then, as it does when the other
 * side ends it. A link that was cut says nothing by itself.
 */
export async function answered<T>(
  clock: Clock,
  session: Session,
  work: Promise<T>,
  { afterMs = 0 } = {},
): Promise<T> {
  const cancel = clock.setTimer(afterMs + ANSWER_MS, () => {
    session.destroy();
  });
  return work.finally(cancel);
}
