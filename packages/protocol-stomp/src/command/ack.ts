import type { Client } from '../client.ts';
import { DASH } from '../codec/bytes.ts';
import { digitsIn } from '../codec/digits.ts';
import type { Frame } from '../codec/frame.ts';
import { HEADER } from '../codec/header.ts';
import { protocolError } from '../codec/protocol-error.ts';
import type { StompVersion } from '../codec/version.ts';
import type { Consumer } from '../consumer.ts';
import type { Peer } from '../peer.ts';
import type { AckKey } from '../unacked.ts';
import { receiptOf, writeReceipt } from './receipt.ts';

/** The message that an ACK or NACK names. */
interface Named {
  readonly consumer: Consumer;
  readonly key: AckKey;
}

/** ACK and NACK. Both are about one message or, with ack mode `client`, also about all before it. */
export function acknowledge(peer: Peer, client: Client, frame: Frame): void {
  const { consumer, key } = named(peer.version, client, frame);
  const name = frame.text(HEADER.transaction);
  const transaction = name === undefined ? undefined : client.transaction(name);
  const messages = consumer.take(key);
  if (frame.command === 'ACK') {
    transaction?.acked(consumer, messages);
    consumer.consume(messages, transaction?.id, receiptOf(peer, frame));
  } else if (transaction === undefined) {
    consumer.reject(messages, receiptOf(peer, frame));
  } else {
    transaction.rejected(consumer, messages);
    writeReceipt(peer, frame);
  }
}

/** @throws `BATON_PROTOCOL` if a header is missing, or there is no such message to acknowledge. */
function named(version: StompVersion, client: Client, frame: Frame): Named {
  const found = version === '1.2' ? byAckId(client, frame) : byMessageId(version, client, frame);
  if (found !== undefined) return found;
  const id = frame.text(version === '1.2' ? HEADER.id : HEADER.messageId) ?? '';
  throw protocolError(`There is no message "${id}" to acknowledge`);
}

/** STOMP 1.2: the `ack` header of the MESSAGE. */
function byAckId(client: Client, frame: Frame): Named | undefined {
  if (!frame.has(HEADER.id)) throw protocolError(`The header id of ${frame.command} is missing`);
  const { bytes } = frame;
  const index = frame.indexOf(HEADER.id);
  const start = frame.valueStartOf(index);
  const end = frame.valueEndOf(index);
  let dash = start;
  while (dash < end && bytes[dash] !== DASH) dash += 1;
  const consumer = client.consumerWithNumber(digitsIn(bytes, start, dash));
  const key = digitsIn(bytes, dash + 1, end);
  return consumer?.unacked.has(key) === true ? { consumer, key } : undefined;
}

/** STOMP 1.0 and 1.1: the message id; two subscriptions may have the same message, so 1.1 names that too. */
function byMessageId(version: StompVersion, client: Client, frame: Frame): Named | undefined {
  if (version === '1.0' && frame.command === 'NACK') {
    throw protocolError('STOMP 1.0 has no NACK');
  }
  const key = frame.text(HEADER.messageId);
  if (key === undefined)
    throw protocolError(`The header message-id of ${frame.command} is missing`);
  const subscription = frame.text(HEADER.subscription);
  if (subscription === undefined) {
    if (version === '1.0') return inAnySubscription(client, key);
    throw protocolError(`The header subscription of ${frame.command} is missing`);
  }
  const consumer = client.consumerWithId(subscription);
  return consumer?.unacked.has(key) === true ? { consumer, key } : undefined;
}

function inAnySubscription(client: Client, key: AckKey): Named | undefined {
  for (const consumer of client.consumers()) {
    if (consumer.unacked.has(key)) return { consumer, key };
  }
  return undefined;
}
