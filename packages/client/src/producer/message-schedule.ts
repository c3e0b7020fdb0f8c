import { BrokerError } from '@batonmq/model';
import type { OutgoingMessage, Sendable } from '../message/outgoing-message.ts';
import { int, long, type MessageValue } from '../message/typed-value.ts';

/**
 * When the broker delivers a message instead of at once; at least a delay, a period or a cron entry. A
 * transaction counts from its commit.
 */
export interface MessageSchedule {
  /** Milliseconds before the first delivery, from 0. @defaultValue `periodMs`, else 0 */
  readonly delayMs?: number;
  /** Milliseconds between deliveries, from 0. @defaultValue 0 */
  readonly periodMs?: number;
  /** Deliveries after the first one, from 0. A broker allows 1000 unless its options say otherwise. @defaultValue 0 */
  readonly repeatCount?: number;
  /**
   * Five fields, `minute hour day-of-month month day-of-week`, in the time zone of the broker. With
   * `repeatCount`, each of its times starts a run of deliveries with the delay and period.
   */
  readonly cron?: string;
}

/**
 * The message with the properties by which brokers know its schedule.
 *
 * @throws `BATON_INVALID_ARGUMENT` for a schedule that names no time, or a number that is none.
 */
export function withSchedule(sendable: Sendable, schedule: MessageSchedule): OutgoingMessage {
  const message = messageOf(sendable);
  return { ...message, properties: { ...message.properties, ...propertiesOf(schedule) } };
}

function messageOf(sendable: Sendable): OutgoingMessage {
  if (typeof sendable === 'string') return { text: sendable };
  return sendable instanceof Uint8Array ? { bytes: sendable } : sendable;
}

function propertiesOf({
  delayMs,
  periodMs,
  repeatCount,
  cron,
}: MessageSchedule): Readonly<Record<string, MessageValue>> {
  if (delayMs === undefined && periodMs === undefined && cron === undefined) {
    throw new BrokerError(
      'BATON_INVALID_ARGUMENT',
      'A schedule names a time: give at least one of delayMs, periodMs, cron',
    );
  }
  for (const [name, value] of Object.entries({ delayMs, periodMs, repeatCount })) {
    if (value === undefined || (Number.isSafeInteger(value) && value >= 0)) continue;
    throw new BrokerError(
      'BATON_INVALID_ARGUMENT',
      `${name} of a schedule must be a whole number from 0 up, not ${value}`,
    );
  }
  return {
    ...(delayMs !== undefined && { AMQ_SCHEDULED_DELAY: long(delayMs) }),
    ...(periodMs !== undefined && { AMQ_SCHEDULED_PERIOD: long(periodMs) }),
    ...(repeatCount !== undefined && { AMQ_SCHEDULED_REPEAT: int(repeatCount) }),
    ...(cron !== undefined && { AMQ_SCHEDULED_CRON: cron }),
  };
}
