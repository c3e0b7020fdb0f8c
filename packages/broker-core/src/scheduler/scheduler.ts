import {
  BrokerError,
  connectionId,
  isBrokerError,
  producerId,
  type Message,
  type MessageId,
  type ProducerId,
} from '@batonmq/model';
import type { CancelTimer } from '@batonmq/runtime';
import { HiddenDestination } from '../destination/hidden-destination.ts';
import type { Router } from '../destination/router.ts';
import { decodeKeptMessage } from '../message/kept-message.ts';
import type { TermParts } from '../term-parts.ts';
import { DueIndex } from './due-index.ts';
import { advanced, firstDue, startsRuns, type Job } from './job.ts';
import { decodeJob, encodeJob } from './job-record.ts';
import {
  commandOf,
  mayBeScheduled,
  scheduleOf,
  withoutSchedule,
  type Schedule,
  type ScheduleCommand,
} from './schedule-properties.ts';
import { ScheduleBrowser } from './schedule-browser.ts';

const SPACE = 'schedule';

/** Jobs whose messages are read and delivered in one go. */
const FIRED_AT_ONCE_MAX = 64;

/** Pause before a job is tried again that could not be delivered, milliseconds. */
const RETRY_MS = 1000;

/** A clock that is set is noticed after this time at the latest, milliseconds. */
const SLEEP_MAX_MS = 10_000;

/** What the scheduler does with a message instead of delivering it. */
export type SchedulerPlan =
  | { readonly kind: 'schedule'; readonly schedule: Schedule; readonly due: number }
  | { readonly kind: 'command'; readonly command: ScheduleCommand };

/**
 * Messages that are to be delivered later, once or again and again. Their bodies and times are in the store, so
 * the next active broker goes on; each delivery and the step of its job to the next time are one write
 * group, so it happens once.
 */
export class Scheduler {
  readonly #parts: TermParts;
  readonly #router: Router;
  readonly #producer: ProducerId;
  readonly #browser: ScheduleBrowser;
  readonly messages: HiddenDestination;
  readonly #jobs = new DueIndex();
  #idCount = 0;
  #isFiring = false;
  #cancelTimer: CancelTimer | undefined;

  constructor(parts: TermParts, router: Router, brokerName: string) {
    this.#parts = parts;
    this.#router = router;
    // An epoch is never used twice, so neither are its ids.
    const connection = connectionId(`ID:${brokerName}-scheduler-${parts.lease.epoch}`);
    this.#producer = producerId(connection, 1, 1);
    this.messages = new HiddenDestination('schedule://messages', parts);
    this.#browser = new ScheduleBrowser(parts, router, this.messages, () => this.#nextId());
  }

  /** Keyed state of the store; {@link endRecovery} follows. */
  recovered(space: string, key: string, value: Uint8Array): void {
    if (space === SPACE) this.#jobs.set(decodeJob(key, value));
  }

  endRecovery(): void {
    const { settings, logger } = this.#parts;
    if (settings.schedulerSupport) {
      this.#arm();
    } else if (this.#jobs.size > 0) {
      const jobCount = this.#jobs.size;
      logger.log('warn', 'scheduled messages wait until "schedulerSupport" is on', { jobCount });
    }
  }

  /** The lease is gone, or the broker stops. */
  stop(): void {
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
  }

  /**
   * What to do with a message; none if it is to be delivered now, which costs one search of its
   * properties.
   *
   * @throws `BATON_INVALID_ARGUMENT`, `BATON_LIMIT`, so that its sender is told.
   */
  planOf(message: Message): SchedulerPlan | undefined {
    if (!mayBeScheduled(message) || !this.#parts.settings.schedulerSupport) return undefined;
    const command = commandOf(message);
    if (command !== undefined) return { kind: 'command', command };
    const schedule = scheduleOf(message);
    if (schedule === undefined) return undefined;
    return { kind: 'schedule', schedule, due: this.#checkedDue(schedule) };
  }

  /** Carries a plan out; the open write group gets what makes it durable. */
  accept(message: Message, plan: SchedulerPlan): void {
    if (plan.kind === 'schedule') {
      const { producerId: sender } = message;
      this.#add(message, plan.schedule, plan.due, sender);
    } else {
      this.#obey(message, plan.command);
    }
  }

  #obey({ replyTo }: Message, command: ScheduleCommand): void {
    switch (command.action) {
      case 'browse':
        if (replyTo !== undefined) {
          this.#browser.show(this.#jobs.between(command.from, command.to), replyTo);
        }
        break;
      case 'remove':
        this.#removeAll([this.#jobs.get(command.jobId)]);
        break;
      case 'remove-all':
        this.#removeAll(this.#jobs.between(command.from, command.to));
        break;
      case 'none':
        break;
    }
  }

  #removeAll(jobs: readonly (Job | undefined)[]): void {
    for (const job of jobs) {
      if (job === undefined) continue;
      this.#jobs.delete(job.id);
      this.#addRemoval(job);
      this.#parts.writes.complete({
        settled: (error) => {
          if (error !== undefined) this.#retryLater(job);
        },
      });
    }
  }

  #addRemoval({ id, sequence }: Job): void {
    this.messages.remove(sequence);
    this.#parts.writes.add({ type: 'state-removed', space: SPACE, key: id });
  }

  #put(job: Job): void {
    this.#parts.writes.add({
      type: 'state-put',
      space: SPACE,
      key: job.id,
      value: encodeJob(job),
    });
  }

  /** A new job takes effect when it is durable. */
  #add(message: Message, schedule: Schedule, due: number, sender: ProducerId): void {
    const id = `${sender.key}:${this.#parts.nextBrokerSequence()}`;
    const kept = { ...message, transactionId: undefined };
    const sequence = this.messages.add(kept);
    const job: Job = { ...schedule, id, sequence, due, wakeAt: due };
    this.#put(job);
    this.#parts.writes.complete({
      settled: (error) => {
        if (error !== undefined) return;
        this.#jobs.set(job);
        this.#arm();
      },
    });
  }

  #checkedDue(schedule: Schedule): number {
    const { clock, settings } = this.#parts;
    const { maxSchedulerRepeatAllowed, scheduledJobsMax, scheduleHorizonMs } = settings;
    const now = clock.wallTime();
    const due = firstDue(schedule, now);
    if (due === undefined) {
      throw new BrokerError(
        'BATON_INVALID_ARGUMENT',
        `The cron entry "${schedule.cron?.text ?? ''}" names a date that never comes`,
      );
    }
    if (schedule.repeat > maxSchedulerRepeatAllowed) {
      throw limit(
        `${schedule.repeat} repeats`,
        'maxSchedulerRepeatAllowed',
        maxSchedulerRepeatAllowed,
      );
    }
    if (due - now > scheduleHorizonMs) {
      throw limit(`a delivery in ${due - now} ms`, 'scheduleHorizonMs', scheduleHorizonMs);
    }
    if (this.#jobs.size >= scheduledJobsMax) {
      throw limit('one scheduled message more', 'scheduledJobsMax', scheduledJobsMax);
    }
    return due;
  }

  #arm(): void {
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
    const first = this.#jobs.first();
    if (first === undefined || this.#isFiring || this.#isIdle()) return;
    const wait = Math.max(0, first.wakeAt - this.#parts.clock.wallTime());
    this.#cancelTimer = this.#parts.clock.setTimer(Math.min(wait, SLEEP_MAX_MS), () => {
      this.#cancelTimer = undefined;
      void this.#fireDue();
    });
  }

  #isIdle(): boolean {
    return this.#parts.isOver || this.#parts.isDraining;
  }

  /** One go at a time; the next begins when the messages of this one are on their way. */
  async #fireDue(): Promise<void> {
    if (this.#isFiring || this.#isIdle()) return;
    this.#isFiring = true;
    const due = this.#takeDue();
    const read = await Promise.all(due.map((job) => this.#read(job)));
    this.#isFiring = false;
    if (this.#isIdle()) return;
    for (const [index, job] of due.entries()) this.#fireOne(job, read[index]);
    this.#arm();
  }

  /** A disk that cannot keep up gets nothing more to do. */
  #takeDue(): readonly Job[] {
    const now = this.#parts.clock.wallTime();
    const due: Job[] = [];
    while (due.length < FIRED_AT_ONCE_MAX) {
      const first = this.#jobs.first();
      if (first === undefined || first.wakeAt > now) break;
      this.#jobs.take();
      if (this.#parts.writes.isCongested) this.#retryLater(first);
      else due.push(first);
    }
    return due;
  }

  /** None if it could not be read now. */
  async #read({ id, sequence }: Job): Promise<Message | undefined> {
    try {
      const [stored] = await this.messages.read(sequence, { messageCountMax: 1, bytesMax: 1 });
      if (stored?.sequence === sequence) return decodeKeptMessage(stored.payload);
      this.#log('error', 'the store has lost a scheduled message', { jobId: id, sequence });
    } catch (error) {
      if (!isBrokerError(error)) throw error;
      this.#log('error', 'cannot read a scheduled message; trying again', { jobId: id, error });
    }
    return undefined;
  }

  #fireOne(job: Job, message: Message | undefined): void {
    // It may have been removed while its message was read.
    if (this.#jobs.get(job.id) !== job) return;
    if (message === undefined) this.#retryLater(job);
    else if (startsRuns(job)) this.#startRun(job, message);
    else this.#deliver(job, message);
  }

  /** Each time of the cron entry starts a job of its own, with the delay, period and repeats. */
  #startRun(job: Job, message: Message): void {
    const now = this.#parts.clock.wallTime();
    const run: Schedule = { ...job, cron: undefined };
    if (this.#jobs.size < this.#parts.settings.scheduledJobsMax) {
      this.#add(message, run, firstDue(run, now) ?? now, message.producerId);
    } else {
      this.#log('warn', 'no room for a run of a scheduled message', { jobId: job.id });
    }
    this.#step(job, advanced(job, now));
  }

  #deliver(job: Job, message: Message): void {
    const fired = this.#fired(job, message);
    const refusal = this.#refusalOf(fired);
    if (refusal === 'later') {
      this.#retryLater(job);
      return;
    }
    if (refusal === undefined) {
      // Its sender's mark has moved when it was scheduled.
      this.#router.deliverLater(fired, { mark: undefined });
    } else {
      this.#log('warn', 'a scheduled message has nowhere to go', {
        jobId: job.id,
        error: refusal,
      });
    }
    this.#step(job, advanced(job, this.#parts.clock.wallTime()));
  }

  /** Ends the write group with the step of a job to its next time, or with its end. */
  #step(job: Job, next: Job | undefined): void {
    if (next === undefined) this.#addRemoval(job);
    else this.#put(next);
    this.#parts.writes.complete({
      settled: (error) => {
        if (this.#jobs.get(job.id) !== job) return;
        if (error !== undefined) this.#retryLater(job);
        else if (next === undefined) this.#jobs.delete(job.id);
        else this.#jobs.set(next);
        this.#arm();
      },
    });
    this.#parts.writes.seal();
  }

  #retryLater(job: Job): void {
    this.#jobs.set({ ...job, wakeAt: this.#parts.clock.wallTime() + RETRY_MS });
  }

  /** Why a message cannot be delivered ever, or that it cannot be now. */
  #refusalOf(fired: Message): BrokerError | 'later' | undefined {
    try {
      this.#router.check(fired);
      return this.#router.obstacle(fired) && 'later';
    } catch (error) {
      if (!isBrokerError(error)) throw error;
      return error.code === 'BATON_LIMIT' ? 'later' : error;
    }
  }

  /** The message as it goes out: like one that is sent now. */
  #fired(job: Job, message: Message): Message {
    const now = this.#parts.clock.wallTime();
    const { timestamp, expiration } = message;
    const shifted = timestamp > 0 && expiration > 0 ? expiration - timestamp + now : 0;
    return {
      ...message,
      // The same id twice would be a repeated send.
      ...(isRepeating(message) && { id: this.#nextId() }),
      ...(shifted > expiration && { timestamp: now, expiration: shifted }),
      originalTransactionId: undefined,
      brokerInTime: now,
      properties: withoutSchedule(message, job.id),
    };
  }

  #nextId(): MessageId {
    this.#idCount += 1;
    return { producerId: this.#producer, producerSequence: this.#idCount };
  }

  #log(level: 'warn' | 'error', text: string, fields: Readonly<Record<string, unknown>>): void {
    if (!this.#parts.isOver) this.#parts.logger.log(level, text, fields);
  }
}

/** By what its sender asked for: the last of several deliveries is one of them too. */
function isRepeating(message: Message): boolean {
  const schedule = scheduleOf(message);
  return schedule !== undefined && (schedule.repeat !== 0 || schedule.cron !== undefined);
}

function limit(what: string, option: string, most: number): BrokerError {
  return new BrokerError('BATON_LIMIT', `${what}: "${option}" allows no more than ${most}`, {
    details: { option, most },
  });
}
