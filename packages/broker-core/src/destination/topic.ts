import {
  messageBytes,
  type BrokerError,
  type Destination,
  type Message,
  type Sequence,
} from '@batonmq/model';
import type { Receipt } from '../connection/connection.ts';
import { withoutRetain } from '../message/retain.ts';
import type { DestinationPolicy } from '../policy/destination-policy.ts';
import { POLICY_DEFAULTS } from '../policy/policy-defaults.ts';
import { isAdvisoryName } from '../security/reserved-names.ts';
import type { DurableSubscription } from '../subscription/durable-subscription.ts';
import type { Delivery } from '../subscription/subscription.ts';
import type { TopicSubscription } from '../subscription/topic-subscription.ts';
import type { TermParts } from '../term-parts.ts';
import { DispatchOrder } from '../dispatch/dispatch-order.ts';
import { MessageWatch } from '../dispatch/message-watch.ts';
import { ProducerPlaces } from '../limit/producer-places.ts';
import { destinationMemory } from '../limit/queue-room.ts';
import type { RecoveryImage } from '../image/recovery-image.ts';
import type { Route } from '../virtual/routes.ts';
import type { Usage } from '../limit/usage.ts';
import { StoredBodies } from '../virtual/stored-bodies.ts';

/** A message on its way to the subscriptions of a topic, which share it. */
export interface TopicMessage extends Delivery {
  readonly bytes: number;
  /** In whose memory it counts while a subscription keeps it; none for the broker's own messages. */
  readonly topic: Topic | undefined;
}

/**
 * A topic: each message goes to every subscription there is at that moment.
 *
 * All of them see the same order: that of the write queue as soon as anything of the topic is stored
 * or waits for a commit, that of the sends otherwise.
 */
export class Topic {
  readonly destination: Destination;
  readonly policy: DestinationPolicy;
  readonly memory: Usage;
  readonly subscriptions: DispatchOrder;
  /** Those that collect its messages, with a consumer or without. */
  readonly durables = new Set<DurableSubscription>();
  /** Where its messages go on to; most topics pass nothing on. */
  route: Route | undefined = undefined;
  /** Its producers, if its policy depends on them. */
  readonly producers: ProducerPlaces | undefined;
  isRemoved = false;
  /** Consumers that ever came. */
  #attachedCount = 0;
  enqueuedCount = 0;
  /** Messages that consumers lost because they were too slow. */
  discardedCount = 0;
  /** None for most, and for the broker's own. */
  readonly watch: MessageWatch | undefined;
  readonly #parts: TermParts;
  /** What it keeps for consumers that come later. */
  readonly #images: readonly RecoveryImage[];
  readonly #hasStoredImage: boolean;
  /** Whether producers say what is kept. */
  readonly #isRetaining: boolean;
  /** Messages that wait for the write queue. */
  #awaitedCount = 0;

  constructor(destination: Destination, parts: TermParts) {
    this.destination = destination;
    this.policy = parts.policies.of(destination);
    this.producers = ProducerPlaces.of(destination, this.policy);
    this.#parts = parts;
    this.memory = destinationMemory(this.policy, parts);
    this.watch = isAdvisoryName(destination) ? undefined : MessageWatch.of(this.policy, parts.emit);
    const { dispatchPolicy = POLICY_DEFAULTS.dispatchPolicy } = this.policy;
    this.subscriptions = new DispatchOrder(dispatchPolicy);
    this.#images = parts.images.of(this);
    this.#hasStoredImage = this.#images.some(({ isStored }) => isStored);
    this.#isRetaining = this.#images.some(({ isOfRetained }) => isOfRetained);
  }

  /** True if a message may be published as it comes: nothing of it is stored, and none waits to be. */
  get isDirect(): boolean {
    return this.durables.size === 0 && this.#awaitedCount === 0 && !this.#hasStoredImage;
  }

  /** Grows with whatever is done to it. */
  get activity(): number {
    return this.enqueuedCount + this.#attachedCount;
  }

  /** True if it keeps nothing for later consumers, and nothing is on its way to the store. */
  get isEmpty(): boolean {
    return this.#awaitedCount === 0 && this.#images.every(({ isEmpty }) => isEmpty);
  }

  get activeDurableCount(): number {
    let count = 0;
    for (const durable of this.durables) if (durable.isActive) count += 1;
    return count;
  }

  /** What has no room for a message, here or at a durable subscription; none if there is room. */
  fullFor(message: Message): Usage | undefined {
    const { full } = this.memory;
    if (full !== undefined || this.durables.size === 0) return full;
    if (message.isPersistent) return this.#parts.stored.full;
    for (const { isActive, queue } of this.durables) {
      if (isActive && queue.room.memory.isFull) return queue.room.memory.full;
    }
    return undefined;
  }

  /**
   * Takes a message in for every durable subscription that wants it, for its stored images, and for the
   * consumers there are when it is settled. The caller stores the bodies.
   */
  accept(message: Message, bodies: StoredBodies): void {
    const { writes } = this.#parts;
    const shown = this.#shown(message);
    const addressee = this.subscriptions.addresseeOf(message);
    for (const durable of this.durables) {
      if (addressee === undefined || durable.definition.clientId === addressee) {
        this.#acceptFor(durable, shown, bodies);
      }
    }
    const sequences = this.#hasStoredImage ? this.#placeInImages(message, shown, bodies) : [];
    this.#awaitedCount += 1;
    writes.complete(new Publication(this, message, sequences));
  }

  /** The write queue is done with a message that was accepted. */
  published(
    message: Message,
    imageSequences: readonly (Sequence | undefined)[],
    error: BrokerError | undefined,
  ): void {
    this.#awaitedCount -= 1;
    if (error === undefined && !this.isRemoved) this.publish(message, imageSequences);
  }

  publish(message: Message, imageSequences: readonly (Sequence | undefined)[] = []): void {
    this.enqueuedCount += 1;
    if (this.#images.length > 0) {
      for (const [index, image] of this.#images.entries()) {
        image.keep(message, imageSequences[index]);
      }
    }
    const isTaken = this.subscriptions.size > 0 && this.#offer(message);
    if (this.watch === undefined) return;
    this.watch.delivered(this.destination, message, isTaken || this.activeDurableCount > 0);
  }

  /** Called when its time was over before it could be taken. */
  expireOnArrival(message: Message): void {
    this.#parts.emit({ type: 'message-expired', destination: this.destination, message });
  }

  /** True if a consumer took it. */
  #offer(message: Message): boolean {
    const shown = this.#shown(message);
    const delivery = topicMessage(shown, this.destination, this.#parts, this);
    const addressee = this.subscriptions.addresseeOf(message);
    let isTaken = false;
    for (const subscription of this.subscriptions) {
      if (addressee !== undefined && subscription.clientId !== addressee) continue;
      if (subscription.offer(delivery)) isTaken = true;
    }
    this.subscriptions.rotate();
    return isTaken;
  }

  /** Adds a consumer, which gets what is kept first if it wants that. */
  attach(subscription: TopicSubscription): void {
    this.#attachedCount += 1;
    this.subscriptions.add(subscription);
    const { alwaysRetroactive = POLICY_DEFAULTS.alwaysRetroactive } = this.policy;
    if (!alwaysRetroactive && !subscription.options.isRetroactive) return;
    for (const image of this.#images) {
      const insert = subscription.awaitPast();
      image.recall((messages) => {
        insert(messages.map((each) => topicMessage(each, this.destination, this.#parts, this)));
      });
    }
  }

  /** Gives a durable subscription that was made now what is kept. */
  recallFor(durable: DurableSubscription): void {
    const { writes } = this.#parts;
    for (const image of this.#images) {
      image.recall((messages) => {
        if (durable.queue.isRemoved) return;
        for (const message of messages) {
          const bodies = new StoredBodies();
          this.#acceptFor(durable, message, bodies);
          bodies.write(writes);
          writes.seal();
        }
      });
    }
  }

  /** Lets go of what is kept and has become too old. */
  removeOld(): void {
    for (const image of this.#images) image.removeOld();
  }

  remove(): void {
    this.isRemoved = true;
    this.subscriptions.clear();
    for (const image of this.#images) image.remove();
  }

  /** Called while it is full and senders wait. */
  watchSlowConsumers(): void {
    for (const subscription of this.subscriptions) subscription.holdsUpSenders();
  }

  #acceptFor(durable: DurableSubscription, message: Message, bodies: StoredBodies): void {
    const entry = durable.accept(message);
    if (entry === undefined) return;
    if (entry.isStored) bodies.add(entry);
    this.#parts.writes.complete(entry);
  }

  #placeInImages(
    message: Message,
    shown: Message,
    bodies: StoredBodies,
  ): readonly (Sequence | undefined)[] {
    return this.#images.map((image) => {
      const place = image.place(message);
      if (place !== undefined) bodies.addAt(place, shown);
      return place?.sequence;
    });
  }

  /** The message as consumers get it that are there. */
  #shown(message: Message): Message {
    return this.#isRetaining ? withoutRetain(message) : message;
  }
}

export function topicMessage(
  message: Message,
  destination: Destination,
  parts: TermParts,
  topic?: Topic,
): TopicMessage {
  return {
    message,
    destination,
    brokerSequence: parts.nextBrokerSequence(),
    redeliveryCount: message.redeliveryCount,
    bytes: messageBytes(message),
    topic,
  };
}

/** A message to a topic that is published when what is written with it is durable. */
class Publication implements Receipt {
  readonly #topic: Topic;
  readonly #message: Message;
  /** Its places in the stored images of the topic, in their order. */
  readonly #imageSequences: readonly (Sequence | undefined)[];

  constructor(topic: Topic, message: Message, imageSequences: readonly (Sequence | undefined)[]) {
    this.#topic = topic;
    this.#message = message;
    this.#imageSequences = imageSequences;
  }

  settled(error?: BrokerError): void {
    this.#topic.published(this.#message, this.#imageSequences, error);
  }
}
