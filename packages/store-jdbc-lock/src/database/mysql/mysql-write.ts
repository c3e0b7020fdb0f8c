import type { Tables } from '../../schema/tables.ts';
import type { ChangeSet } from '../../write/change-set.ts';
import { closingSteps, IN_DESTINATION, portableWrite } from '../../write/portable-write.ts';
import type { MatchQuery, Step } from '../../write/step.ts';
import type { Fence } from '../database.ts';
import type { Request } from './mysql-session.ts';
import { Packets, type PacketLimits } from './packets.ts';
import {
  FENCE_CHECK,
  IDLE_AS_BEFORE,
  idleWithinTransaction,
  standingFenceCheck,
} from './session-setup.ts';
import { addStep, matchTexts } from './step-texts.ts';

export interface WriteLimits extends PacketLimits {
  /** The server undoes the transaction of a writer that is silent for so long. */
  readonly leaseDurationMs: number;
}

/**
 * A change as few packets; as one, which is one way to the server and back, if its payloads are small and the server
 * is not part of a cluster. The server stops at the first statement that fails, and that is {@link FENCE_CHECK}
 * if the lease is not as the fence says.
 *
 * What goes is counted by the server, within the same transaction, before it goes.
 *
 * @throws ValueTooLargeError if a message, a state or a name does not fit into a packet.
 */
export function mysqlWrite(
  changes: ChangeSet,
  tables: Tables,
  fence: Fence,
  limits: WriteLimits,
): readonly Request[] {
  const write = portableWrite(changes, tables, fence);
  const packets = new Packets(limits);
  packets.add(idleWithinTransaction(limits.leaseDurationMs));
  packets.add('start transaction');
  const whole = write.steps.filter(isOfWholeDestinations);
  const others = write.steps.filter((step) => !isOfWholeDestinations(step));
  const bodies = bodyTexts(write.removedPlaces, tables);
  if (whole.length > 0) {
    // It may take long, and the row of the lease has to be renewed meanwhile: the fence locks it after that.
    for (const sql of standingFenceCheck(tables, fence)) packets.add(sql);
    for (const sql of bodies.splice(0)) packets.add(sql);
    for (const step of whole) addStep(packets, step);
  }
  addStep(packets, write.fence);
  packets.add(FENCE_CHECK);
  for (const sql of [...counterTexts(write.removedCounts, tables), ...bodies]) packets.add(sql);
  for (const step of [...others, ...closingSteps(write, [], [])]) addStep(packets, step);
  packets.add('commit');
  packets.add(IDLE_AS_BEFORE);
  return packets.toRequests();
}

function isOfWholeDestinations(step: Step): boolean {
  return step.kind === 'match' && step.condition === IN_DESTINATION;
}

/** Takes what goes from the counters of its destination. */
function counterTexts(
  removed: MatchQuery | undefined,
  { destinations }: Tables,
): readonly string[] {
  if (removed === undefined) return [];
  return matchTexts(removed).map(
    (query) =>
      `update ${destinations} as d join (${query} ${removed.end}) as r on r.destination = d.destination
        set d.message_count = d.message_count - r.message_count, d.message_bytes = d.message_bytes - r.message_bytes`,
  );
}

/**
 * Takes what goes from the places of shared bodies; one without a place goes too. Most stores have none, and then the
 * server does not look.
 */
function bodyTexts(removed: MatchQuery | undefined, { bodies }: Tables): string[] {
  if (removed === undefined) return [];
  return matchTexts(removed).flatMap((query) => {
    const some = `${query} and exists (select 1 from ${bodies}) ${removed.end}`;
    const join = `join (${some}) as r on r.body = b.body`;
    return [
      `update ${bodies} as b ${join} set b.place_count = b.place_count - r.place_count`,
      `delete b from ${bodies} as b ${join} where b.place_count = 0`,
    ];
  });
}
