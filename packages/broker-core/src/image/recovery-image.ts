import {
  isBrokerError,
  messageBytes,
  type Destination,
  type DestinationNumber,
  type Message,
  type Sequence,
} from '@batonmq/model';
import type { MessageTarget, RecoveredDestination } from '@batonmq/store-spi';
import { asRetained } from '../message/retain.ts';
import { decodeMessage } from '../message/stored-message.ts';
import type { TermParts } from '../term-parts.ts';
import { NOT_STORED } from '../write-queue.ts';
import { Deque } from '../dispatch/deque.ts';
import type { ImageRule } from './image-rule.ts';
import type { Usage } from '../limit/usage.ts';

/** Share of a topic's memory, and of the broker's, that images may fill: the rest is for those who consume. */
const MEMORY_SHARE = 0.5;

/** Pause before the store is asked again after it failed to read an image. */
const READ_RETRY_MS = 1000;

interface HeldMessage {
  readonly message: Message;
  readonly bytes: number;
  /** Place in the stored image, or {@link NOT_STORED}. */
  readonly sequence: Sequence;
}

/** The topic whose image it is. */
export interface ImageOwner {
  readonly destination: Destination;
  readonly memory: Usage;
}

/**
 * What a topic keeps of its past for consumers that ask for it.
 *
 * It is in memory and counts there. What its rule stores is also in a destination of the store that no
 * client can name, as one more place of a body that is stored anyway; what falls out is removed
 * there with the next batch.
 *
 *     unread --recall, keep--> reading --the store's part is here--> complete
 *
 * After a takeover an image is unread: it costs nothing until somebody uses it. What is kept while it is read comes
 * after what was there before.
 */
export class RecoveryImage {
  readonly key: string;
  readonly #owner: ImageOwner;
  readonly #rule: ImageRule;
  readonly #parts: TermParts;
  #held = new Deque<HeldMessage>();
  #bytes = 0;
  #number: DestinationNumber | undefined;
  #nextSequence = 1;
  #state: 'unread' | 'reading' | 'complete' = 'complete';
  /** Stored sequences below it are what was there at the takeover. */
  #recoveredEnd = 0;
  #waiting: (() => void)[] = [];
  #isRemoved = false;

  constructor(
    owner: ImageOwner,
    rule: ImageRule,
    parts: TermParts,
    recovered?: RecoveredDestination,
  ) {
    this.key = imageKey(rule, owner.destination);
    this.#owner = owner;
    this.#rule = rule;
    this.#parts = parts;
    if (recovered === undefined) return;
    this.#number = recovered.destination;
    this.#nextSequence = recovered.nextSequence;
    this.#recoveredEnd = recovered.nextSequence;
    if (recovered.messageCount > 0) this.#state = 'unread';
  }

  get isStored(): boolean {
    return this.#rule.isStored;
  }

  get isEmpty(): boolean {
    return this.#state === 'complete' && this.#held.length === 0;
  }

  /** True if producers say what it holds; the broker's other images are told nothing. */
  get isOfRetained(): boolean {
    return this.#rule.slot === 'retained';
  }

  /** Where a message of the topic is to be stored for the image; none if it is not. {@link keep} gets its sequence. */
  place(message: Message): MessageTarget | undefined {
    const { isStored, isHeld } = this.#rule;
    if (!isStored || !message.isPersistent || isHeld?.(message) === false) return undefined;
    this.#number ??= this.#parts.destinations.storeKey(this.key);
    const sequence = this.#nextSequence as Sequence;
    this.#nextSequence += 1;
    return { destination: this.#number, sequence };
  }

  /** A message was published: it is durable if it was given a place. Called outside of an open write group if it is stored. */
  keep(message: Message, sequence: Sequence = NOT_STORED): void {
    if (this.#isRemoved || this.#rule.isHeld?.(message) === false) return;
    this.#add({ message, bytes: messageBytes(message), sequence });
    this.#read();
    if (this.#state === 'complete') this.#trim();
  }

  /** Calls `use` with what is held, oldest first: at once, or when the store's part is here. */
  recall(use: (messages: readonly Message[]) => void): void {
    if (this.#state === 'complete') {
      use(this.#recalled());
      return;
    }
    this.#waiting.push(() => {
      use(this.#recalled());
    });
    this.#read();
  }

  /** Lets go of what has become too old. */
  removeOld(): void {
    if (this.#state === 'complete') this.#trim();
  }

  /** Its topic is removed, and with it what is stored. */
  remove(): void {
    this.#isRemoved = true;
    this.#waiting = [];
    this.#uncount(this.#bytes);
    this.#held.clear();
    if (this.#number === undefined) return;
    const destination = this.#number;
    this.#parts.writes.appendDestination({ type: 'destination-removed', destination });
  }

  #recalled(): readonly Message[] {
    this.#trim();
    const now = this.#parts.clock.wallTime();
    const messages: Message[] = [];
    for (const { message } of this.#held) {
      if (message.expiration !== 0 && message.expiration <= now) continue;
      if (this.#rule.isRecalled?.(message) === false) continue;
      messages.push(this.isOfRetained ? asRetained(message) : message);
    }
    return messages;
  }

  #add(held: HeldMessage): void {
    this.#held.push(held);
    this.#bytes += held.bytes;
    this.#owner.memory.add(held.bytes);
    this.#parts.images.usedBytes += held.bytes;
  }

  #trim(): void {
    let isSealDue = this.#clear();
    for (;;) {
      const oldest = this.#held.peek();
      if (oldest === undefined || !this.#isTooMuch(oldest)) break;
      this.#held.shift();
      if (this.#drop(oldest)) isSealDue = true;
    }
    if (isSealDue) this.#parts.writes.seal();
  }

  /** Everything up to the last message that clears the image goes. */
  #clear(): boolean {
    const { isClearing } = this.#rule;
    if (isClearing === undefined) return false;
    let clearedCount = 0;
    for (let index = 0; index < this.#held.length; index += 1) {
      const held = this.#held.at(index);
      if (held !== undefined && isClearing(held.message)) clearedCount = index + 1;
    }
    let isSealDue = false;
    for (let index = 0; index < clearedCount; index += 1) {
      const oldest = this.#held.shift();
      if (oldest !== undefined && this.#drop(oldest)) isSealDue = true;
    }
    return isSealDue;
  }

  #isTooMuch({ message }: HeldMessage): boolean {
    const { messagesMax, bytesMax, ageMsMax } = this.#rule;
    if (this.#held.length > messagesMax || this.#bytes > bytesMax) return true;
    const age = this.#parts.clock.wallTime() - message.brokerInTime;
    if (age > ageMsMax) return true;
    const { memoryLimitBytes } = this.#parts.settings;
    return (
      this.#bytes > this.#owner.memory.limit * MEMORY_SHARE ||
      this.#parts.images.usedBytes > memoryLimitBytes * MEMORY_SHARE
    );
  }

  /** True if a record was added. */
  #drop({ bytes, sequence }: HeldMessage): boolean {
    this.#uncount(bytes);
    if (sequence === NOT_STORED || this.#number === undefined) return false;
    this.#parts.writes.add({ type: 'message-removed', destination: this.#number, sequence });
    return true;
  }

  #uncount(bytes: number): void {
    this.#bytes -= bytes;
    this.#owner.memory.remove(bytes);
    this.#parts.images.usedBytes -= bytes;
  }

  #read(): void {
    if (this.#state !== 'unread') return;
    this.#state = 'reading';
    this.#readAll().then(
      (stored) => {
        if (!this.#parts.isOver && !this.#isRemoved) this.#complete(stored);
      },
      (error: unknown) => {
        if (!this.#parts.isOver && !this.#isRemoved) this.#retry(error);
      },
    );
  }

  async #readAll(): Promise<readonly HeldMessage[]> {
    const all: HeldMessage[] = [];
    const { pageMessages: messageCountMax, pageBytes: bytesMax } = this.#parts.settings;
    let from = 1;
    while (this.#number !== undefined && from < this.#recoveredEnd) {
      const limits = { messageCountMax, bytesMax };
      const page = await this.#parts.lease.read(this.#number, from as Sequence, limits);
      const last = page.at(-1);
      if (last === undefined || this.#parts.isOver) break;
      for (const { sequence, payload } of page) {
        if (sequence >= this.#recoveredEnd) continue;
        const message = decodeMessage(payload, this.#owner.destination);
        all.push({ message, bytes: messageBytes(message), sequence });
      }
      from = last.sequence + 1;
    }
    return all;
  }

  #complete(stored: readonly HeldMessage[]): void {
    const newer = [...this.#held];
    this.#uncount(this.#bytes);
    this.#held.clear();
    for (const held of [...stored, ...newer]) this.#add(held);
    this.#state = 'complete';
    this.#trim();
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const use of waiting) use();
  }

  #retry(error: unknown): void {
    this.#parts.logger.log('error', 'cannot read what a topic keeps; trying again', {
      destination: this.key,
      retryMs: READ_RETRY_MS,
      code: isBrokerError(error) ? error.code : undefined,
      error,
    });
    this.#parts.clock.setTimer(READ_RETRY_MS, () => {
      this.#state = 'unread';
      if (!this.#parts.isOver && !this.#isRemoved) this.#read();
    });
  }
}

/** The text by which the store knows an image. */
export function imageKey({ slot }: ImageRule, topic: Destination): string {
  return `${IMAGE_KEY_PREFIX}${slot}/${topic.name}`;
}

export const IMAGE_KEY_PREFIX = 'image://';
