import type { SubscribeOptions } from '@batonmq/broker-core';
import { BrokerError, isQueue, type ConsumerOptions } from '@batonmq/model';
import type { Client } from '../client.ts';
import type { Frame } from '../codec/frame.ts';
import { HEADER } from '../codec/header.ts';
import { protocolError } from '../codec/protocol-error.ts';
import { Consumer, type AckMode } from '../consumer.ts';
import type { NamedDestination } from '../destination-names.ts';
import type { Peer } from '../peer.ts';
import { receiptOf, writeReceipt } from './receipt.ts';
import { consumerOptionsOf } from './consumer-options.ts';
import { refuseTransformation } from './transformation.ts';

/** Messages sent and not acknowledged at a time, unless the client says otherwise; ActiveMQ's numbers. */
const PREFETCH = { queue: 1000, browser: 500, topic: 32_767, durableTopic: 100 } as const;

/** Values of properties are text for STOMP, so a selector compares them as what the other side is. */
const CONVERTING = 'convert_string_expressions:';

/** Opens a subscription. Its messages come behind the receipt; that of a durable one waits until it is durable. */
export function subscribe(peer: Peer, client: Client, frame: Frame): void {
  const id = frame.text(HEADER.id);
  if (id === undefined && peer.version !== '1.0') {
    throw protocolError('The header id of SUBSCRIBE is missing');
  }
  const name = frame.text(HEADER.destination);
  if (name === undefined) throw protocolError('A SUBSCRIBE has no destination');
  if (frame.has(HEADER.transformation)) refuseTransformation(frame);
  const named = client.names.parse(name);
  const ackMode = ackModeOf(frame);
  const number = client.nextConsumerNumber(id);
  const traits = { number, id, destination: named.target, ackMode };
  const consumer = new Consumer(peer, client, traits);
  const options = subscribeOptions(peer, client, frame, named, number);
  if (options.subscriptionName === undefined && !isQueue(options.destination)) {
    consumer.subscribe(options);
    writeReceipt(peer, frame);
  } else {
    consumer.subscribe(options, receiptOf(peer, frame));
  }
  client.add(consumer);
}

function subscribeOptions(
  peer: Peer,
  client: Client,
  frame: Frame,
  { target, options }: NamedDestination,
  number: number,
): Omit<SubscribeOptions, 'sink'> {
  const isBrowser = frame.text(HEADER.browser) === 'true';
  if (isBrowser && peer.version === '1.0') throw protocolError('STOMP 1.0 has no browsers');
  const given = consumerOptionsOf(frame, options);
  const selector = frame.text(HEADER.selector) ?? given.selector;
  const { subscriptionName } = given;
  if (subscriptionName !== undefined && isQueue(target)) {
    throw protocolError('A durable subscription is one to a topic, and this is a queue');
  }
  // A client that pulls has no frame to do it with.
  if (given.prefetchSize === 0) {
    throw new BrokerError('BATON_INVALID_OPTION', 'prefetchSize is 0; STOMP needs 1 or more');
  }
  return {
    consumerKey: `${client.connection.connectionId}:-1:${number}`,
    destination: target,
    prefetchCount: given.prefetchSize ?? defaultPrefetch(isBrowser, isQueue(target), given),
    selector: selector === undefined ? undefined : CONVERTING + selector,
    isBrowser,
    isNoLocal: given.noLocal ?? false,
    isExclusive: given.exclusive ?? false,
    isRetroactive: given.retroactive ?? false,
    priority: given.priority ?? 0,
    subscriptionName,
    maximumPendingMessages: given.maximumPendingMessageLimit,
  };
}

function defaultPrefetch(isBrowser: boolean, isQueue: boolean, given: ConsumerOptions): number {
  if (isBrowser) return PREFETCH.browser;
  if (isQueue) return PREFETCH.queue;
  return given.subscriptionName === undefined ? PREFETCH.topic : PREFETCH.durableTopic;
}

function ackModeOf(frame: Frame): AckMode {
  const mode = frame.text(HEADER.ack) ?? 'auto';
  if (mode === 'auto' || mode === 'client' || mode === 'client-individual') return mode;
  throw protocolError(`The ack mode "${mode}" is none; auto, client and client-individual are`);
}
