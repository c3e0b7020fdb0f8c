/**
 * The nouns of BatonMQ. Pure: no I/O, no clock, no randomness.
 *
 * @packageDocumentation
 */
export { assert, AssertionError, present } from './assert.ts';
export { AbortError, BrokerError, isBrokerError, type ErrorDetails } from './broker-error.ts';
export {
  parseConsumerOptions,
  setConsumerOption,
  splitConsumerOptions,
  type ConsumerOptions,
} from './consumer-options.ts';
export {
  compositeParts,
  destination,
  isComposite,
  isQueue,
  isTemporary,
  isWildcard,
  matchesPattern,
  parseDestination,
  type Destination,
  type DestinationKind,
} from './destination.ts';
export { ERROR_CODES, type ErrorCode, type ErrorKind } from './error-codes.ts';
export {
  connectionId,
  destinationNumber,
  epoch,
  formatMessageId,
  producerId,
  sequence,
  type ConnectionId,
  type DestinationNumber,
  type Epoch,
  type MessageId,
  type ProducerId,
  type Sequence,
} from './ids.ts';
export { messageBytes, type ContentKind, type DeadLetterOrigin, type Message } from './message.ts';
export {
  formatTransactionId,
  type LocalTransactionId,
  type TransactionId,
  type XaTransactionId,
} from './transaction-id.ts';
