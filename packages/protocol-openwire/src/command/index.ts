import type { Command } from '@batonmq/openwire';
import { tellable } from '../exception.ts';
import type { Peer } from '../peer.ts';
import { ack } from './ack.ts';
import { addClient, shutDown } from './connection.ts';
import { addConsumer, controlConsumer } from './consumer.ts';
import { keepAlive, meetBroker } from './control.ts';
import { changeDestination } from './destination.ts';
import type { Outcome } from './outcome.ts';
import { addProducer } from './producer.ts';
import { pull } from './pull.ts';
import { remove } from './remove.ts';
import { send } from './send.ts';
import { addSession } from './session.ts';
import { unsubscribe } from './subscription.ts';
import { transact } from './transaction.ts';
import { agree } from './wire-format.ts';

/**
 * Carries out one command of a peer, and sees to it that it is answered.
 *
 * @throws what is not a `BrokerError`; the caller gives the peer up.
 */
export function execute(peer: Peer, command: Command): void {
  if (command.type === 'WireFormatInfo') {
    agree(peer, command);
    return;
  }
  if (command.type === 'PartialCommand' || command.type === 'LastPartialCommand') return;
  try {
    if (handle(peer, command) === 'done') peer.succeed(command);
  } catch (error) {
    const told = tellable(error);
    if (told === undefined) throw error;
    peer.fail(command, told);
  }
}

type Handled = Exclude<
  Command,
  { type: 'WireFormatInfo' | 'PartialCommand' | 'LastPartialCommand' }
>;

function handle(peer: Peer, command: Handled): Outcome {
  switch (command.type) {
    case 'ActiveMQMessage':
    case 'ActiveMQTextMessage':
    case 'ActiveMQBytesMessage':
    case 'ActiveMQMapMessage':
    case 'ActiveMQStreamMessage':
    case 'ActiveMQObjectMessage':
    case 'ActiveMQBlobMessage':
      return send(peer, command);
    case 'MessageAck':
      return ack(peer, command);
    case 'MessagePull':
      return pull(peer, command);
    case 'TransactionInfo':
      return transact(peer, command);
    case 'ConnectionInfo':
      return addClient(peer, command);
    case 'SessionInfo':
      return addSession(peer, command);
    case 'ProducerInfo':
      return addProducer(peer, command);
    case 'ConsumerInfo':
      return addConsumer(peer, command);
    case 'ConsumerControl':
      return controlConsumer(peer, command);
    case 'DestinationInfo':
      return changeDestination(peer, command);
    case 'RemoveInfo':
      return remove(peer, command);
    case 'RemoveSubscriptionInfo':
      return unsubscribe(peer, command);
    case 'KeepAliveInfo':
      return keepAlive(peer, command);
    case 'ShutdownInfo':
      return shutDown(peer);
    case 'BrokerInfo':
      return meetBroker(command);
    // Nothing depends on these: hints, answers to nothing, leftovers of old replication.
    case 'ConnectionControl':
    case 'ConnectionError':
    case 'ControlCommand':
    case 'FlushCommand':
    case 'ProducerAck':
    case 'MessageDispatch':
    case 'MessageDispatchNotification':
    case 'BrokerSubscriptionInfo':
    case 'ReplayCommand':
    case 'Response':
    case 'ExceptionResponse':
    case 'DataResponse':
    case 'DataArrayResponse':
    case 'IntegerResponse':
      return 'done';
  }
}
