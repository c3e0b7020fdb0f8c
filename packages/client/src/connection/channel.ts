import { AbortError, BrokerError } from '@batonmq/model';
import { command, type Command, type CommandHeader, type WireResponse } from '@batonmq/openwire';
import type { CancelTimer, Clock } from '@batonmq/runtime';
import { onAbort, timeoutError } from '../deadline.ts';
import { asError, closedError, remoteError } from '../errors.ts';
import type { WireLink } from '../wire/wire-link.ts';

/** Commands with a number and, if asked for, an answer: all that a client sends after negotiating. */
export type OutgoingCommand = Extract<Command, CommandHeader>;

/** A command that stands for a command waiting to be written, or for its answer. */
export interface Pending {
  /** With its final `commandId`; answered if `responseRequired`. */
  readonly command: OutgoingCommand;
  /** As it completes "… took longer than". */
  readonly what: string;
  /** Milliseconds; -1 is never. */
  readonly timeoutMs: number;
  readonly signal: AbortSignal | undefined;
  /**
   * What an interruption means: `resend` on the next connection; or the caller is asked, and
   * `keep` resends while `done` says that the caller settles it in its own way.
   */
  readonly interrupted: 'resend' | ((wasWritten: boolean) => 'keep' | 'done');
  /** Once: with an error, with the answer, or with neither if none was asked for. */
  settle(error: Error | undefined, response: WireResponse | undefined): void;
}

/** A command of the replay, and who is told if the broker refuses it. */
export interface ReplayCommand {
  readonly command: OutgoingCommand;
  readonly refused?: ((error: Error) => void) | undefined;
}

/** What the channel needs of the connection it belongs to. */
export interface ChannelOwner {
  connectionInfo(isReconnect: boolean): OutgoingCommand;
  /** Everything that makes up this client, to be put in place on a new connection, in order. */
  replay(): Iterable<ReplayCommand>;
  /** What follows when unanswered commands were sent again: windows opened, pulls repeated. */
  afterReplay(): Iterable<Command>;
  /** Anything but an answer. */
  received(incoming: Command): void;
  beforeFlush(): void;
}

interface Entry extends Pending {
  stage: 'in-line' | 'unwritten' | 'written';
  expiresAt: number;
  ignoreSignal: (() => void) | undefined;
}

const COMMAND_ID_MAX = 2 ** 31 - 1;

/**
 * Commands and their answers over a connection that may be replaced underneath: what is unanswered
 * when it breaks is sent again on the next one, in the original order and with the same ids.
 */
export class Channel {
  readonly #clock: Clock;
  readonly #owner: ChannelOwner;
  /** Everything unsettled by command id, oldest first. Bounded by the send windows and by callers that wait. */
  readonly #pending = new Map<number, Entry>();
  /** Entries that wait for the socket to take bytes again, oldest first. */
  #unwritten: Entry[] = [];
  #link: WireLink | undefined;
  /** False while there is no connection and while one is being restored. */
  #isOpen = false;
  #hasBeenOpen = false;
  #failure: Error | undefined;
  #lastCommandId = 0;
  #onIdle: (() => void) | undefined;
  #expiry: { at: number; cancel: CancelTimer } | undefined;

  constructor(clock: Clock, owner: ChannelOwner) {
    this.#clock = clock;
    this.#owner = owner;
  }

  get isOpen(): boolean {
    return this.#isOpen;
  }

  /** Why nothing can be sent any more, once that is so. */
  get failure(): Error | undefined {
    return this.#failure;
  }

  nextCommandId(): number {
    this.#lastCommandId = this.#lastCommandId >= COMMAND_ID_MAX ? 1 : this.#lastCommandId + 1;
    return this.#lastCommandId;
  }

  /** Takes a command over: its deadline runs from now, even while it waits in line. */
  enlist(pending: Pending): number {
    const { timeoutMs, signal } = pending;
    const id = pending.command.commandId;
    if (this.#failure !== undefined) {
      pending.settle(this.#failure, undefined);
      return id;
    }
    const expiresAt = timeoutMs < 0 ? Infinity : this.#clock.now() + timeoutMs;
    // The fields are assigned rather than spread: this runs once for every message.
    const entry = pending as Entry;
    entry.stage = 'in-line';
    entry.expiresAt = expiresAt;
    entry.ignoreSignal = undefined;
    this.#pending.set(id, entry);
    if (expiresAt < (this.#expiry?.at ?? Infinity)) this.#armExpiry(expiresAt);
    if (signal !== undefined) this.#watchSignal(id, entry, signal);
    return id;
  }

  /** Writes an enlisted command as soon as the connection allows; nothing if it was settled meanwhile. */
  transmit(id: number): void {
    const entry = this.#pending.get(id);
    if (entry === undefined) return;
    entry.stage = 'unwritten';
    if (!this.#isOpen) return;
    if (this.#unwritten.length > 0 || this.#link?.isCongested === true) this.#unwritten.push(entry);
    else this.#write(entry);
  }

  /** Settles an enlisted command with an error of the caller's. */
  cancel(id: number, error: Error): void {
    this.#settle(id, error, undefined);
  }

  submit(pending: Pending): void {
    this.transmit(this.enlist(pending));
  }

  /** Sends a command that needs no answer and means nothing to the next connection, such as an ack. */
  post(outgoing: OutgoingCommand): void {
    if (this.#isOpen) this.#link?.write({ ...outgoing, commandId: this.nextCommandId() });
  }

  /** Calls `idle` once nothing waits for an answer, at once if that is so now. */
  whenIdle(idle: () => void): void {
    if (this.#pending.size === 0) idle();
    else this.#onIdle = idle;
  }

  requestFlush(): void {
    this.#link?.requestFlush();
  }

  /** Settles everything: there will be no further connection. */
  fail(error: Error): void {
    if (this.#failure !== undefined) return;
    this.#failure = error;
    this.#isOpen = false;
    this.#link = undefined;
    this.#expiry?.cancel();
    for (const id of [...this.#pending.keys()]) this.#settle(id, error, undefined);
    this.#unwritten = [];
  }

  // What the failover link reports

  /** Logs in over a new link, puts everything back in place, and goes on where the last link ended. */
  async restore(link: WireLink): Promise<void> {
    this.#link = link;
    const isReconnect = this.#hasBeenOpen;
    if (isReconnect) link.write(command('ConnectionControl', { faultTolerant: true }));
    await this.#logIn(link, isReconnect);
    if (this.#link !== link || link.isClosed) throw closedError('The link');
    this.#hasBeenOpen = true;
    for (const { command: replayed, refused } of this.#owner.replay()) {
      this.#writeReplay(link, replayed, refused);
    }
    this.#isOpen = true;
    this.#unwritten = [];
    for (const entry of [...this.#pending.values()]) {
      if (entry.stage !== 'in-line' && this.#pending.has(entry.command.commandId))
        this.#write(entry);
    }
    for (const following of this.#owner.afterReplay()) link.write(following);
  }

  interrupted(): void {
    this.#isOpen = false;
    this.#link = undefined;
    this.#unwritten = [];
    for (const [id, entry] of [...this.#pending]) {
      const wasWritten = entry.stage === 'written';
      if (entry.interrupted === 'resend') continue;
      if (entry.interrupted(wasWritten) === 'done') this.#remove(id, entry);
    }
  }

  received(incoming: Command): void {
    switch (incoming.type) {
      case 'Response':
      case 'IntegerResponse':
      case 'DataResponse':
      case 'DataArrayResponse':
        this.#settle(incoming.correlationId, undefined, incoming);
        return;
      case 'ExceptionResponse': {
        const what = this.#pending.get(incoming.correlationId)?.what ?? 'A command';
        const error = remoteError(incoming.exception, what);
        this.#settle(incoming.correlationId, error, incoming);
        return;
      }
      default:
        this.#owner.received(incoming);
    }
  }

  beforeFlush(): void {
    if (this.#isOpen) this.#owner.beforeFlush();
  }

  drained(): void {
    const waiting = this.#unwritten;
    this.#unwritten = [];
    for (const [index, entry] of waiting.entries()) {
      if (this.#link?.isCongested === true) {
        this.#unwritten = waiting.slice(index);
        return;
      }
      if (this.#pending.has(entry.command.commandId)) this.#write(entry);
    }
  }

  #write(entry: Entry): void {
    const { commandId, responseRequired } = entry.command;
    try {
      entry.stage = 'written';
      this.#link?.write(entry.command);
      if (!responseRequired) this.#settle(commandId, undefined, undefined);
    } catch (thrown) {
      // Too large for this broker, or not of its version: trying again would fail for ever.
      this.#settle(commandId, asError(thrown), undefined);
    }
  }

  #logIn(link: WireLink, isReconnect: boolean): Promise<void> {
    const info = this.#owner.connectionInfo(isReconnect);
    return new Promise((resolve, reject) => {
      const entry = this.#replayEntry(info, 'The log-in', (error) => {
        if (error === undefined) resolve();
        else reject(error);
      });
      link.onClosed((error) => {
        this.#settle(entry.command.commandId, error ?? closedError('The link'), undefined);
      });
      link.write(entry.command);
    });
  }

  #writeReplay(link: WireLink, replayed: OutgoingCommand, refused: ReplayCommand['refused']): void {
    if (refused === undefined) {
      link.write({ ...replayed, commandId: this.nextCommandId() });
      return;
    }
    const entry = this.#replayEntry(replayed, `Restoring a ${replayed.type}`, (error) => {
      if (error !== undefined) refused(error);
    });
    link.write(entry.command);
  }

  #replayEntry(
    replayed: OutgoingCommand,
    what: string,
    answered: (error: Error | undefined) => void,
  ): Pending {
    const entry: Entry = {
      command: { ...replayed, commandId: this.nextCommandId(), responseRequired: true },
      what,
      timeoutMs: -1,
      signal: undefined,
      // The next connection begins with a replay of its own.
      interrupted: () => 'done',
      settle: answered,
      stage: 'in-line',
      expiresAt: Infinity,
      ignoreSignal: undefined,
    };
    this.#pending.set(entry.command.commandId, entry);
    return entry;
  }

  #settle(id: number, error: Error | undefined, response: WireResponse | undefined): void {
    const entry = this.#pending.get(id);
    if (entry === undefined) return;
    this.#remove(id, entry);
    entry.settle(error, response);
    if (this.#onIdle !== undefined && this.#pending.size === 0) this.#onIdle();
  }

  #remove(id: number, entry: Entry): void {
    this.#pending.delete(id);
    entry.ignoreSignal?.();
  }

  #watchSignal(id: number, entry: Entry, signal: AbortSignal): void {
    const aborted = (): void => {
      this.#settle(id, new AbortError(entry.what, signal.reason), undefined);
    };
    if (signal.aborted) {
      aborted();
      return;
    }
    entry.ignoreSignal = onAbort(signal, aborted);
  }

  /** One timer for all deadlines, set to the earliest: most are met, so a timer each would be waste. */
  #armExpiry(at: number): void {
    this.#expiry?.cancel();
    const delayMs = Math.max(1, at - this.#clock.now());
    const cancel = this.#clock.setTimer(delayMs, () => {
      this.#expire();
    });
    this.#expiry = { at, cancel };
  }

  #expire(): void {
    this.#expiry = undefined;
    const now = this.#clock.now();
    let earliest = Infinity;
    for (const [id, entry] of [...this.#pending]) {
      if (entry.expiresAt > now) earliest = Math.min(earliest, entry.expiresAt);
      else this.#settle(id, this.#expired(entry), undefined);
    }
    if (earliest < Infinity) this.#armExpiry(earliest);
  }

  #expired({ what, timeoutMs, stage }: Entry): BrokerError {
    if (stage === 'written') return timeoutError(what, timeoutMs);
    if (stage === 'in-line' && this.#isOpen) {
      return new BrokerError(
        'BATON_LIMIT',
        `${what} was not sent: there was no room for it in its window for ${timeoutMs} ms`,
        { details: { timeoutMs } },
      );
    }
    return new BrokerError(
      'BATON_DISCONNECTED',
      `${what} was not sent: there was no working connection for ${timeoutMs} ms`,
      { details: { timeoutMs } },
    );
  }
}
