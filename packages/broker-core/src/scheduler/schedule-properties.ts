import { decodeProperties, encodeProperties, type PrimitiveMap } from '@batonmq/message-content';
import { BrokerError, type Message } from '@batonmq/model';
import { isSchedulerManagement } from '../security/reserved-names.ts';
import { Cron } from './cron.ts';

/** Every property that is about schedules starts so. */
const MARK = Buffer.from('AMQ_SCHEDULE');

const DELAY = 'AMQ_SCHEDULED_DELAY';
const PERIOD = 'AMQ_SCHEDULED_PERIOD';
const REPEAT = 'AMQ_SCHEDULED_REPEAT';
const CRON = 'AMQ_SCHEDULED_CRON';
/** On a message that was delivered by its schedule: which job it was. Such a one is not scheduled again. */
const JOB_ID = 'scheduledJobId';

const ACTION = 'AMQ_SCHEDULER_ACTION';
const ACTION_FROM = 'ACTION_START_TIME';
const ACTION_TO = 'ACTION_END_TIME';

/** Goes on until it is removed. */
export const FOR_EVER = -1;

/** When a message is to be delivered. */
export interface Schedule {
  /** Before the first delivery, milliseconds. */
  readonly delay: number;
  /** Between deliveries, milliseconds. */
  readonly period: number;
  /** Deliveries after the first one, or {@link FOR_EVER}. */
  readonly repeat: number;
  readonly cron: Cron | undefined;
}

/** What a message to the management topic asks for; jobs are chosen by the time they are due next. */
export type ScheduleCommand =
  | { readonly action: 'browse' | 'remove-all'; readonly from: number; readonly to: number }
  | { readonly action: 'remove'; readonly jobId: string }
  | { readonly action: 'none' };

/** True if a message may be one for the scheduler: one search of its properties, if it has any. */
export function mayBeScheduled({ properties }: Message): boolean {
  if (properties === undefined) return false;
  const { buffer, byteOffset, byteLength } = properties;
  return Buffer.from(buffer, byteOffset, byteLength).includes(MARK);
}

/**
 * The schedule in the properties of a message, if there is one.
 *
 * @throws `BATON_INVALID_ARGUMENT` for a value that is none, or a date that never comes.
 */
export function scheduleOf({ properties }: Message): Schedule | undefined {
  const all = decodeProperties(properties ?? null);
  if (all.has(JOB_ID) || !(all.has(DELAY) || all.has(PERIOD) || all.has(CRON))) return undefined;
  const cron = textOf(all, CRON) ?? '';
  return {
    delay: numberOf(all, DELAY, 0),
    period: numberOf(all, PERIOD, 0),
    repeat: numberOf(all, REPEAT, FOR_EVER),
    cron: cron === '' ? undefined : new Cron(cron),
  };
}

/** The command that a message gives; none if it is not for the management topic. */
export function commandOf(message: Message): ScheduleCommand | undefined {
  if (!isSchedulerManagement(message.destination)) return undefined;
  const all = decodeProperties(message.properties ?? null);
  const hasTimes = all.has(ACTION_FROM) && all.has(ACTION_TO);
  const from = hasTimes ? numberOf(all, ACTION_FROM, 0) : 0;
  const to = hasTimes ? numberOf(all, ACTION_TO, 0) : Infinity;
  const jobId = textOf(all, JOB_ID);
  switch (textOf(all, ACTION)) {
    case 'BROWSE':
      return { action: 'browse', from, to };
    case 'REMOVEALL':
      return { action: 'remove-all', from, to };
    case 'REMOVE':
      return jobId === undefined ? { action: 'none' } : { action: 'remove', jobId };
    default:
      return { action: 'none' };
  }
}

/** As a browser sees the message of a job: with its schedule and the name of the job. */
export function withJobId({ properties }: Message, jobId: string): Uint8Array | undefined {
  const all = new Map(decodeProperties(properties ?? null));
  all.set(JOB_ID, { kind: 'string', value: jobId });
  return encodeProperties(all) ?? undefined;
}

/** As its consumer gets it: without its schedule, or a network of brokers would keep to it again. */
export function withoutSchedule(message: Message, jobId: string): Uint8Array | undefined {
  const all = new Map(decodeProperties(withJobId(message, jobId) ?? null));
  for (const name of [DELAY, PERIOD, REPEAT, CRON]) all.delete(name);
  return encodeProperties(all) ?? undefined;
}

function textOf(all: PrimitiveMap, name: string): string | undefined {
  const value = all.get(name)?.value;
  return typeof value === 'object' ? undefined : value?.toString();
}

/** Any type that is a whole number will do, a text too. */
function numberOf(all: PrimitiveMap, name: string, least: number): number {
  const text = textOf(all, name);
  if (text === undefined) return 0;
  const value = text.trim() === '' ? NaN : Math.trunc(Number(text));
  if (Number.isSafeInteger(value) && value >= least) return value;
  throw new BrokerError(
    'BATON_INVALID_ARGUMENT',
    `The property ${name} must be a whole number from ${least} up, not "${text}"`,
    { details: { property: name, value: text } },
  );
}
