import { assert } from '@batonmq/model';

//               start                sighted                 granted                 recovered
//     stopped ---------> standby --------------> acquiring --------------> recovering -----------> active
//                        ^  ^  |                     |                         |                     |
//                        |  |  +------ failed -------+-------- failed ---------+                     |
//                        |  +-------------------------------------+                                 |
//                        |                                                          lost             |
//                        +------ disconnected ------- fenced <---------------------------------------+
//
//     any but stopped -- stop --> stopped
//
// 1. Only `active` serves clients, and only after everything stored before is known.
// 2. Nothing is written before `recovering`, and nothing after `fenced` or `stopped`.
// 3. The process stays: whatever happens to the store, the way leads back to `standby`.

/**
 * - `standby`: waits in line for the lease;
 * - `acquiring`: first in line, does not have the data yet;
 * - `recovering`: has the lease, reads what it must know before serving;
 * - `active`: serves clients;
 * - `fenced`: lost the lease, closes clients, then goes back to `standby`;
 * - `stopped`: before `start` and after `stop`.
 */
export type Role = 'standby' | 'acquiring' | 'recovering' | 'active' | 'fenced' | 'stopped';

/** What happens to a broker, as far as its role is concerned. */
export type RoleEvent =
  'start' | 'sighted' | 'granted' | 'recovered' | 'failed' | 'lost' | 'disconnected' | 'stop';

/**
 * What the driver does about it, in order: `acquire` gets in line; `acquire-later` does after a
 * pause; `recover` reads the store; `let-go` gives an unused lease back; `disconnect` ends the term and sends
 * clients away; `drain` finishes what is in hand and closes the store.
 */
export type RoleEffect =
  'acquire' | 'acquire-later' | 'recover' | 'let-go' | 'disconnect' | 'drain';

export interface RoleStep {
  readonly role: Role;
  readonly effects: readonly RoleEffect[];
}

type Transitions = Partial<Record<RoleEvent, RoleStep>>;

const STOP: RoleStep = { role: 'stopped', effects: ['drain'] };
const FAILED: RoleStep = { role: 'standby', effects: ['let-go', 'acquire-later'] };
const LOST: RoleStep = { role: 'fenced', effects: ['disconnect'] };

const TABLE: Record<Role, Transitions> = {
  stopped: { start: { role: 'standby', effects: ['acquire'] } },
  standby: {
    sighted: { role: 'acquiring', effects: [] },
    failed: { role: 'standby', effects: ['acquire-later'] },
    stop: STOP,
  },
  acquiring: {
    granted: { role: 'recovering', effects: ['recover'] },
    failed: { role: 'standby', effects: ['acquire-later'] },
    stop: STOP,
  },
  recovering: {
    recovered: { role: 'active', effects: [] },
    failed: FAILED,
    stop: STOP,
  },
  active: { lost: LOST, stop: STOP },
  fenced: { disconnected: { role: 'standby', effects: ['acquire'] }, stop: STOP },
};

/** True if `event` may happen in `role`; the driver asks about those that can come late. */
export function canHappen(role: Role, event: RoleEvent): boolean {
  return TABLE[role][event] !== undefined;
}

/** What an event makes of a role. One that may not happen is a bug. */
export function step(role: Role, event: RoleEvent): RoleStep {
  const next = TABLE[role][event];
  assert(next !== undefined, 'an event of the role machine is possible in the present role');
  return next;
}
