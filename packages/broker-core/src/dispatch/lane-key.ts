import { parseDestination, type Destination } from '@batonmq/model';

/** The priority of the lane that every queue has. */
export const NORMAL_PRIORITY = 4;

/** Destinations that clients name have no `?` in them. */
const OPTION = '?priority=';

/** What the store knows a lane by: the queue's own key for the normal one, `queue://A?priority=9` for others. */
export function laneKey({ key }: Destination, priority: number): string {
  return priority === NORMAL_PRIORITY ? key : `${key}${OPTION}${priority}`;
}

export function parseLaneKey(key: string): { queue: Destination; priority: number } {
  const end = key.lastIndexOf(OPTION);
  if (end < 0) return { queue: parseDestination(key), priority: NORMAL_PRIORITY };
  const priority = Number(key.slice(end + OPTION.length));
  return { queue: parseDestination(key.slice(0, end)), priority };
}
