import type { ConnectionControl, Principal } from '@batonmq/broker-core';
import { connectionId, producerId, type BrokerError } from '@batonmq/model';
import { Client } from '../client.ts';
import type { Frame } from '../codec/frame.ts';
import { HEADER, type Header } from '../codec/header.ts';
import { protocolError } from '../codec/protocol-error.ts';
import { agreeVersion, VERSION_LIST, type StompVersion } from '../codec/version.ts';
import { answerHeartBeat, parseHeartBeat, type HeartBeat } from '../heart-beat.ts';
import type { Peer } from '../peer.ts';

/** ActiveMQ's session and producer of a STOMP connection, which message ids show. */
const SESSION = -1;
const PRODUCER = 1;

/** What a CONNECT says, read at once because its frame does not outlive a login that takes time. */
interface Login {
  readonly version: StompVersion;
  readonly heartBeat: HeartBeat;
  readonly userName: string | undefined;
  readonly password: string | undefined;
  readonly clientId: string | undefined;
}

/** A client logs in. Whoever is refused learns why and is disconnected. */
export function connect(peer: Peer, frame: Frame): void {
  if (peer.client !== undefined) throw protocolError('The client has connected already');
  const version = agreeVersion(frame.text(HEADER.acceptVersion));
  if (version === undefined) {
    peer.fail(
      protocolError(`Of the versions of STOMP, ${VERSION_LIST} are spoken here`),
      undefined,
      [['version', VERSION_LIST]],
    );
    return;
  }
  const login = loginOf(peer, frame, version);
  const { broker } = peer.context;
  if (!broker.isSecured) {
    letIn(peer, login, undefined);
    return;
  }
  const { certificateSubject, remoteAddress } = peer.transport;
  const { userName, password } = login;
  peer.check(
    broker.authenticate({
      userName,
      password,
      certificateSubject,
      remoteAddress,
      protocol: 'stomp',
    }),
    (principal) => {
      letIn(peer, login, principal);
    },
  );
}

function loginOf(peer: Peer, frame: Frame, version: StompVersion): Login {
  const { defaultHeartBeat, heartBeatMinMs } = peer.context.settings;
  // The examples of STOMP 1.0 have blanks in front of values that mean nothing.
  const textOf = (header: Header): string | undefined =>
    version === '1.0' ? frame.text(header)?.trim() : frame.text(header);
  const wanted = parseHeartBeat(textOf(HEADER.heartBeat) ?? defaultHeartBeat);
  if (wanted === undefined) {
    throw protocolError('The header heart-beat is no pair of milliseconds, such as 10000,10000');
  }
  return {
    version,
    heartBeat: answerHeartBeat(wanted, heartBeatMinMs),
    userName: textOf(HEADER.login),
    password: textOf(HEADER.passcode),
    clientId: textOf(HEADER.clientId),
  };
}

function letIn(peer: Peer, login: Login, principal: Principal | undefined): void {
  const { broker, settings } = peer.context;
  const { version, heartBeat, userName } = login;
  const id = connectionId(peer.context.nextConnectionId());
  const clientId = login.clientId ?? id;
  const connection = broker.connect({
    connectionId: id,
    clientId,
    userName,
    principal,
    remoteAddress: peer.transport.remoteAddress,
    protocol: 'stomp',
    isReconnect: false,
    control: controlOf(peer),
  });
  const producer = producerId(id, SESSION, PRODUCER);
  // STOMP has no way to take up a lost connection: its ids never come again.
  connection.addProducer({ producerId: producer, canRepeatSends: false });
  peer.login(new Client(connection, producer, settings), version, heartBeat);
  peer.writeConnected([
    ['version', version],
    ['session', clientId.replace(/[\r\n]/g, ' ')],
    ['server', 'BatonMQ'],
    ['heart-beat', `${heartBeat.sendsEveryMs},${heartBeat.wantsEveryMs}`],
  ]);
}

/** The broker's way back to the client. */
function controlOf(peer: Peer): ConnectionControl {
  return {
    failed: (error: BrokerError) => {
      peer.fail(error);
    },
    pauseInput: () => {
      peer.input.pause();
    },
    resumeInput: () => {
      peer.input.resume();
    },
    disconnect: (reason: BrokerError) => {
      // A broker that stops has settled what it took: the receipts on their way still hold.
      if (reason.code === 'BATON_NOT_ACTIVE') void peer.close();
      else peer.fail(reason);
    },
  };
}
