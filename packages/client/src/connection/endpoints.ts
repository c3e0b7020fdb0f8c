import { command, type ConsumerId } from '@batonmq/openwire';
import type { RuntimeComponents } from '@batonmq/runtime';
import type { ClientSettings } from '../client-settings.ts';
import { Consumer, type ConsumerOptions } from '../consumer/consumer.ts';
import { withNamedOptions } from '../consumer/named-options.ts';
import { redeliveryPolicy } from '../consumer/redelivery-policy.ts';
import type { CallOptions } from '../deadline.ts';
import {
  toDestination,
  toWireDestination,
  type DestinationLike,
} from '../message/wire-destination.ts';
import { Producer, type ProducerOptions } from '../producer/producer.ts';
import type { SendWindow } from '../producer/send-window.ts';
import type { Session } from '../session/session.ts';
import type { Browser } from './browse.ts';
import type { Channel } from './channel.ts';
import { prefetchCount } from './prefetch.ts';
import { request } from './requests.ts';

/** What producers and consumers are made from: the parts of their connection. */
export interface EndpointContext {
  readonly connectionId: string;
  readonly clientId: string;
  readonly settings: ClientSettings;
  readonly components: RuntimeComponents;
  readonly channel: Channel;
  readonly window: SendWindow;
  /** By consumer number: who gets what is dispatched. */
  readonly receivers: Map<number, Consumer | Browser>;
  /** Numbers for producers and consumers, unique in the connection. */
  nextNumber(): number;
  /** The consumer's acks are to go out with this turn's write. */
  ackLater(consumer: Consumer): void;
  reportError(error: Error): void;
}

export function consumerId(context: EndpointContext, session: Session, number: number): ConsumerId {
  const { connectionId } = context;
  return command('ConsumerId', { connectionId, sessionId: session.id.value, value: number });
}

/** Announces a producer; resolves when the broker has accepted it. */
export async function makeProducer(
  context: EndpointContext,
  session: Session,
  target: DestinationLike | undefined,
  options: ProducerOptions,
): Promise<Producer> {
  const { settings, channel, window } = context;
  const { jms, failover, sendTimeoutMs } = settings;
  const id = command('ProducerId', {
    connectionId: context.connectionId,
    sessionId: session.id.value,
    value: context.nextNumber(),
  });
  const to = target === undefined ? undefined : toDestination(target);
  const producer = new Producer(id, to, options, {
    channel,
    session,
    window,
    sendTimeoutMs,
    useCompression: jms.useCompression,
    useAsyncSend: jms.useAsyncSend,
    alwaysSyncSend: jms.alwaysSyncSend || failover.trackMessages,
    wallTime: () => context.components.clock.wallTime(),
    closed: (closed) => {
      session.producers.delete(closed);
    },
  });
  await request(channel, producer.info, 'Creating a producer', withDeadline(options, settings));
  session.producers.add(producer);
  return producer;
}

/** Announces a consumer; resolves when the broker has accepted it. */
export async function makeConsumer(
  context: EndpointContext,
  session: Session,
  target: DestinationLike,
  given: ConsumerOptions,
): Promise<Consumer> {
  const { settings, channel, components, receivers } = context;
  const { jms, requestTimeoutMs } = settings;
  const { from, options } = withNamedOptions(toDestination(target), given);
  const number = context.nextNumber();
  const info = command('ConsumerInfo', {
    consumerId: consumerId(context, session, number),
    destination: toWireDestination(from),
    prefetchSize: prefetchCount(from, options, jms),
    dispatchAsync: jms.dispatchAsync,
    selector: options.selector ?? null,
    subscriptionName: options.subscriptionName ?? null,
    clientId: context.clientId,
    noLocal: options.noLocal ?? false,
    exclusive: options.isExclusive ?? jms.exclusiveConsumer,
    priority: options.priority ?? 0,
    retroactive: options.isRetroactive ?? false,
  });
  const consumer = new Consumer(info, from, {
    channel,
    clock: components.clock,
    session,
    redelivery: redeliveryPolicy(jms),
    requestTimeoutMs,
    ended: (ended) => {
      receivers.delete(number);
      session.consumerEnded(ended);
    },
    remove: (lastDelivered, callOptions) =>
      removeConsumer(context, info.consumerId, lastDelivered, callOptions),
    ackLater: (due) => {
      context.ackLater(due);
    },
    reportError: (error) => {
      context.reportError(error);
    },
  });
  // Messages may arrive before the answer does.
  receivers.set(number, consumer);
  session.consumers.add(consumer);
  try {
    await request(channel, info, 'Creating a consumer', withDeadline(options, settings));
    consumer.isConfirmed = true;
    return consumer;
  } catch (thrown) {
    receivers.delete(number);
    session.consumerEnded(consumer);
    throw thrown;
  }
}

async function removeConsumer(
  { channel, settings }: EndpointContext,
  objectId: ConsumerId | null,
  lastDeliveredSequenceId: number,
  options: CallOptions,
): Promise<void> {
  const info = command('RemoveInfo', { objectId, lastDeliveredSequenceId });
  const timeoutMs = options.timeoutMs ?? settings.closeTimeoutMs;
  const limits = { ...options, timeoutMs, interrupted: 'answered' } as const;
  await request(channel, info, 'Closing a consumer', limits);
}

function withDeadline(
  options: CallOptions,
  { requestTimeoutMs }: ClientSettings,
): { timeoutMs: number; signal: AbortSignal | undefined } {
  return { timeoutMs: options.timeoutMs ?? requestTimeoutMs, signal: options.signal };
}
