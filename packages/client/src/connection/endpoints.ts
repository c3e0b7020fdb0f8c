import { BrokerError } from '@batonmq/model';
import { command, type ConsumerId } from '@batonmq/openwire';
import type { RuntimeComponents } from '@batonmq/runtime';
import type { ClientSettings } from '../client-settings.ts';
import { Consumer, CONSUMER_OPTION_NAMES, type ConsumerOptions } from '../consumer/consumer.ts';
import { withNamedOptions } from '../consumer/named-options.ts';
import { redeliveryPolicy } from '../consumer/redelivery-policy.ts';
import type { CallOptions } from '../deadline.ts';
import {
  toDestination,
  toWireDestination,
  type DestinationLike,
} from '../message/wire-destination.ts';
import { checkOptionNames } from '../option-names.ts';
import { Producer, PRODUCER_OPTION_NAMES, type ProducerOptions } from '../producer/producer.ts';
import { splitProducerOptions } from '../producer/named-options.ts';
import { ProducerWindow } from '../producer/producer-window.ts';
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
  /** By producer number. */
  readonly producerWindows: Map<number, ProducerWindow>;
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
  given: ProducerOptions,
): Promise<Producer> {
  checkOptionNames('createProducer', given, PRODUCER_OPTION_NAMES);
  const { settings, channel, window, producerWindows } = context;
  const { jms, failover, sendTimeoutMs } = settings;
  const number = context.nextNumber();
  const id = command('ProducerId', {
    connectionId: context.connectionId,
    sessionId: session.id.value,
    value: number,
  });
  const named = target === undefined ? undefined : splitProducerOptions(toDestination(target));
  const options = { ...given, ...named?.options };
  const producerWindow = makeProducerWindow(options, settings);
  const producer = new Producer(id, named?.to, options, {
    channel,
    session,
    window,
    producerWindow,
    sendTimeoutMs,
    useCompression: jms.useCompression,
    useAsyncSend: jms.useAsyncSend,
    alwaysSyncSend: jms.alwaysSyncSend || failover.trackMessages,
    wallTime: () => context.components.clock.wallTime(),
    closed: (closed) => {
      session.producers.delete(closed);
      producerWindows.delete(number);
    },
  });
  await request(channel, producer.info, 'Creating a producer', withDeadline(options, settings));
  session.producers.add(producer);
  if (producerWindow !== undefined) producerWindows.set(number, producerWindow);
  return producer;
}

function makeProducerWindow(
  { windowBytes }: ProducerOptions,
  { jms, sendQueueCount: lineMax }: ClientSettings,
): ProducerWindow | undefined {
  const bytesMax = windowBytes ?? jms.producerWindowSize;
  if (!Number.isInteger(bytesMax) || bytesMax < 0 || bytesMax >= 2 ** 31) {
    throw new BrokerError(
      'BATON_INVALID_OPTION',
      `windowBytes must be a whole number from 0 to ${2 ** 31 - 1}, not ${bytesMax}`,
    );
  }
  return bytesMax === 0 ? undefined : new ProducerWindow({ bytesMax, lineMax });
}

/** Announces a consumer; resolves when the broker has accepted it. */
export async function makeConsumer(
  context: EndpointContext,
  session: Session,
  target: DestinationLike,
  given: ConsumerOptions,
): Promise<Consumer> {
  checkOptionNames('createConsumer', given, CONSUMER_OPTION_NAMES);
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
    priority: checkedPriority(options),
    retroactive: options.isRetroactive ?? false,
    maximumPendingMessageLimit: options.maximumPendingMessages ?? 0,
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

function checkedPriority({ priority = 0 }: ConsumerOptions): number {
  if (Number.isInteger(priority) && priority >= -128 && priority <= 127) return priority;
  throw new BrokerError(
    'BATON_INVALID_OPTION',
    `The priority of a consumer is a whole number from -128 to 127, not ${priority}`,
    { details: { option: 'priority' } },
  );
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
