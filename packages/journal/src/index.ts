/**
 * A segmented append-only log with group commit, recovery, checkpoints, compaction and tailing.
 * The format is docs/formats/journal.md.
 *
 * @example
 * ```ts
 * import { destinationNumber, epoch, sequence } from '@batonmq/model';
 * import { nodeRuntime } from '@batonmq/runtime/node';
 * import { openJournal } from '@batonmq/journal';
 *
 * const journal = await openJournal({
 *   directory: './data/journal',
 *   epoch: epoch(Date.now()),
 *   components: nodeRuntime(),
 * });
 * const destination = destinationNumber(1);
 * await journal.append([
 *   { type: 'destination-added', destination, key: 'queue://orders' },
 *   {
 *     type: 'message-added',
 *     targets: [{ destination, sequence: sequence(1) }],
 *     payload: [Buffer.from('hello')],
 *   },
 * ]);
 * const limits = { messageCountMax: 10, bytesMax: 1_000_000 };
 * console.log(await journal.read(destination, sequence(1), limits));
 * await journal.close();
 * ```
 *
 * @packageDocumentation
 */
export {
  followJournal,
  type FollowJournalParameters,
  type JournalFollower,
} from './follow-journal.ts';
export {
  inspectJournal,
  verifyJournal,
  type InspectJournalParameters,
  type JournalVerification,
} from './inspect-journal.ts';
export type { JournalInspection, SegmentInspection } from './inspection.ts';
export type { DamagedRange } from './journal-index.ts';
export type { Journal } from './journal.ts';
export { openJournal, type OpenJournalParameters, type RecoveryProgress } from './open-journal.ts';
export {
  JOURNAL_DEFAULTS,
  resolveJournalOptions,
  type CorruptionDecision,
  type JournalOptions,
  type JournalSettings,
} from './options.ts';
