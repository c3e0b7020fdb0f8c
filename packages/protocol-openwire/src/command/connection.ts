import {
  LAST_DELIVERED_UNKNOWN,
  type ConnectionControl,
  type Principal,
} from '@batonmq/broker-core';
import { BrokerError, connectionId } from '@batonmq/model';
import { command, type ConnectionInfo } from '@batonmq/openwire';
import { Client } from '../client.ts';
import { tellable } from '../exception.ts';
import { missing } from '../identity.ts';
import type { Peer } from '../peer.ts';
import type { Outcome } from './outcome.ts';

/**
 * A client logs in. Whoever is refused learns why and is disconnected. At a broker with security the
 * answer comes later; what the client sends meanwhile waits.
 */
export function addClient(peer: Peer, info: ConnectionInfo): Outcome {
  const id = info.connectionId?.value;
  // A failover client repeats what it opened; so does nobody else.
  if (peer.findClient(id)) return 'done';
  const { broker } = peer.context;
  if (broker.isSecured) {
    peer.logIn(
      broker.authenticate({
        userName: info.userName ?? undefined,
        password: info.password ?? undefined,
        certificateSubject: peer.transport.certificateSubject,
        remoteAddress: peer.transport.remoteAddress,
        protocol: 'openwire',
      }),
      (principal) => {
        letIn(peer, info, principal);
      },
      (error) => {
        refuse(peer, info, error);
      },
    );
  } else {
    letIn(peer, info, undefined);
  }
  return 'later';
}

function letIn(peer: Peer, info: ConnectionInfo, principal: Principal | undefined): void {
  try {
    peer.addClient(connect(peer, info, principal));
  } catch (error) {
    refuse(peer, info, error);
    return;
  }
  peer.succeed(info);
  if (info.manageable) {
    peer.write(command('ConnectionControl', { connectedBrokers: '', reconnectTo: '' }));
  }
}

/** @throws what cannot be told. */
function refuse(peer: Peer, info: ConnectionInfo, error: unknown): void {
  const refusal = tellable(error);
  if (refusal === undefined) throw error;
  peer.fail(info, refusal);
  peer.refuse();
}

/** The client says good-bye: it wants no reply, and what it left open is lost to it. */
export function shutDown(peer: Peer): Outcome {
  void peer.close();
  return 'later';
}

function connect(peer: Peer, info: ConnectionInfo, principal: Principal | undefined): Client {
  const { broker, settings, advisories } = peer.context;
  const id = info.connectionId?.value;
  if (!id) throw missing('connection id');
  if (info.clientId === null) {
    throw new BrokerError(
      'BATON_INVALID_CLIENT_ID',
      'No clientID specified for connection request',
    );
  }
  advisories.announceConnection(info);
  const control = new PeerControl(peer, id);
  const connection = broker.connect({
    connectionId: connectionId(id),
    clientId: info.clientId,
    userName: info.userName ?? undefined,
    principal,
    remoteAddress: peer.transport.remoteAddress,
    protocol: 'openwire',
    isReconnect: info.failoverReconnect,
    control,
  });
  return new Client(info, connection, settings.entityCountMax, () => {
    control.release();
  });
}

/** The broker's way back to one client of a peer. */
class PeerControl implements ConnectionControl {
  readonly #peer: Peer;
  readonly #clientId: string;
  #pauseCount = 0;

  constructor(peer: Peer, clientId: string) {
    this.#peer = peer;
    this.#clientId = clientId;
  }

  failed(error: BrokerError): void {
    this.#peer.failAsync(error);
  }

  pauseInput(): void {
    this.#pauseCount += 1;
    this.#peer.input.pause();
  }

  resumeInput(): void {
    this.#pauseCount -= 1;
    this.#peer.input.resume();
  }

  /** The client is gone, and with it what its socket was paused for. */
  release(): void {
    while (this.#pauseCount > 0) this.resumeInput();
  }

  disconnect(reason: BrokerError): void {
    const client = this.#peer.findClient(this.#clientId);
    if (client) this.#peer.removeClient(client, LAST_DELIVERED_UNKNOWN);
    // A broker that stops has settled what it took: the replies on their way still hold.
    if (reason.code === 'BATON_NOT_ACTIVE') void this.#peer.shutDown();
    else this.#peer.abort(reason);
  }
}
