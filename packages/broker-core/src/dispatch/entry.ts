import {
  messageBytes,
  type BrokerError,
  type Destination,
  type Message,
  type Sequence,
} from '@batonmq/model';
import type { Receipt } from '../connection/connection.ts';
import type { QueueSubscription } from '../subscription/queue-subscription.ts';
import type { Delivery } from '../subscription/subscription.ts';
import type { Transaction } from '../transaction/transaction.ts';
import { SelectableMessage } from '../message/selectable-message.ts';
import { NOT_STORED } from '../write-queue.ts';
import type { Attachment } from './consumer-ring.ts';
import type { Lane } from './lane.ts';
import type { MessageGroup } from '../group/message-groups.ts';
import type { ParkedGroup } from '../group/parked-groups.ts';
import type { Queue } from '../destination/queue.ts';
import type { View } from './views.ts';

/**
 * A message in a queue's memory: the one object made for it from its send to its ack. It is its own
 * delivery, its own completion in the write queue and its own link in a subscription's list of
 * dispatched messages.
 */
export class Entry implements Delivery, Receipt {
  readonly lane: Lane;
  readonly message: Message;
  readonly bytes: number;
  /** Place in the stored lane, or {@link NOT_STORED}. */
  readonly sequence: Sequence;
  /** Bytes that it has in the store; 0 until that is known, and of what is not stored. */
  storedBytes: number;
  /** Order in this queue's memory; 0 until it is ready. */
  brokerSequence = 0;
  redeliveryCount: number;
  /** The selections that it matches; none in a lane where everybody may have everything. */
  views: readonly View[] | undefined = undefined;
  /** Set while it is ready as one of the next of a group that is parked. */
  parked: ParkedGroup | undefined = undefined;
  /** Who has it; set while it is dispatched. */
  subscription: QueueSubscription | undefined = undefined;
  /** The open transaction that acked it. */
  transaction: Transaction | undefined = undefined;
  /** True if whoever has it acked it in a transaction that was rolled back. */
  isSeen = false;
  /** True if its ack in a transaction lets the broker send one message more. */
  isExtending = false;
  /** True if it was delivered by another broker, so that a delay before its next delivery may be due. */
  isDelayOwed: boolean;
  /** Of its last delay, in milliseconds. */
  redeliveryDelay: number | undefined = undefined;
  /** Its message group, once it was looked for. */
  group: MessageGroup<Attachment> | undefined = undefined;
  /** True while it is dispatched to the owner of its group. */
  isWithOwner = false;
  isFirstForConsumer = false;
  exclusiveEpoch: number | undefined = undefined;
  previous: Entry | undefined = undefined;
  next: Entry | undefined = undefined;

  #selectable: SelectableMessage | undefined = undefined;

  constructor(lane: Lane, message: Message, sequence: Sequence, storedCount = 0, storedBytes = 0) {
    this.lane = lane;
    this.message = message;
    this.sequence = sequence;
    this.bytes = messageBytes(message);
    this.storedBytes = storedBytes;
    this.redeliveryCount = message.redeliveryCount + storedCount;
    this.isDelayOwed = storedCount > 0;
  }

  get queue(): Queue {
    return this.lane.queue;
  }

  /** As selectors see it. */
  get selectable(): SelectableMessage {
    this.#selectable ??= new SelectableMessage(this);
    return this.#selectable;
  }

  get destination(): Destination {
    return this.message.destination;
  }

  get groupSequence(): number {
    return this.message.groupSequence;
  }

  get isStored(): boolean {
    return this.sequence !== NOT_STORED;
  }

  /** The write queue is done with its send. */
  settled(error?: BrokerError): void {
    if (error === undefined) this.queue.sent(this);
    else this.queue.refused(this);
  }
}
