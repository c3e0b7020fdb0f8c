import { protocolError } from '../codec/protocol-error.ts';
import type { Frame } from '../codec/frame.ts';
import type { Client } from '../client.ts';
import type { Peer } from '../peer.ts';
import { acknowledge } from './ack.ts';
import { connect } from './connect.ts';
import { disconnect } from './disconnect.ts';
import { send } from './send.ts';
import { subscribe } from './subscribe.ts';
import { abort, begin, commit } from './transaction.ts';
import { unsubscribe } from './unsubscribe.ts';

/**
 * Carries out one command of a peer.
 *
 * @throws why it cannot be; the caller tells the peer and disconnects it.
 */
export function execute(peer: Peer, frame: Frame): void {
  if (frame.command === 'SEND') {
    send(peer, loggedIn(peer), frame);
    return;
  }
  if (frame.bodyEnd > frame.bodyStart && peer.version !== '1.0') {
    throw protocolError(`A ${frame.command} has no body`);
  }
  if (frame.command === 'CONNECT' || frame.command === 'STOMP') {
    connect(peer, frame);
    return;
  }
  executeOfClient(peer, loggedIn(peer), frame);
}

function executeOfClient(peer: Peer, client: Client, frame: Frame): void {
  switch (frame.command) {
    case 'ACK':
    case 'NACK':
      acknowledge(peer, client, frame);
      return;
    case 'BEGIN':
      begin(peer, client, frame);
      return;
    case 'COMMIT':
      commit(peer, client, frame);
      return;
    case 'ABORT':
      abort(peer, client, frame);
      return;
    case 'SUBSCRIBE':
      subscribe(peer, client, frame);
      return;
    case 'UNSUBSCRIBE':
      unsubscribe(peer, client, frame);
      return;
    default:
      disconnect(peer, client, frame);
  }
}

function loggedIn(peer: Peer): Client {
  if (peer.client !== undefined) return peer.client;
  throw protocolError('The first frame of a client is CONNECT');
}
