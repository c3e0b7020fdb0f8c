import type { Destination } from '@batonmq/model';

/** Start of the names of all advisory topics. */
export const ADVISORY_PREFIX = 'ActiveMQ.Advisory.';

const SCHEDULER_MANAGEMENT = 'activemq.scheduler.management';

/** True for topics that the broker speaks on. */
export function isAdvisoryName({ kind, name }: Destination): boolean {
  return kind === 'topic' && name.startsWith(ADVISORY_PREFIX);
}

/** True for the topic whose messages are commands to the scheduler; its name may be in any case. */
export function isSchedulerManagement({ kind, name }: Destination): boolean {
  return kind === 'topic' && name.toLowerCase().startsWith(SCHEDULER_MANAGEMENT);
}
