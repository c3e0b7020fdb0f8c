/**
 * - `standby`: waits in line for the lease;
 * - `acquiring`: has the lease, not yet its data;
 * - `recovering`: reads what it must know before serving;
 * - `active`: serves clients;
 * - `fenced`: lost the lease, closes clients, then goes back to `standby`;
 * - `stopped`: before `start` and after `stop`.
 */
export type Role = 'standby' | 'acquiring' | 'recovering' | 'active' | 'fenced' | 'stopped';
