import { BrokerError } from '@batonmq/model';

/** The peer sent what is not STOMP, or not the STOMP that was agreed on. */
export function protocolError(what: string): BrokerError {
  return new BrokerError('BATON_PROTOCOL', what);
}

/** Something of a frame is larger than allowed. */
export function tooLarge(what: string, bytesMax: number, option: string): BrokerError {
  return new BrokerError(
    'BATON_FRAME_TOO_LARGE',
    `${what} is larger than the ${bytesMax} bytes that "${option}" allows`,
    { details: { bytesMax, option } },
  );
}
