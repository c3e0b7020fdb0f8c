import type { WireResponse } from '@batonmq/openwire';
import type { CallOptions } from '../deadline.ts';
import type { Channel, OutgoingCommand, Pending } from './channel.ts';

export interface RequestOptions extends CallOptions {
  /**
   * What to do when the connection breaks before the answer: `resend` it, or take it as `answered`
   * because losing the connection has the same effect. @defaultValue 'resend'
   */
  readonly interrupted?: 'resend' | 'answered';
  /** Calls what it is given when the command may go out. @defaultValue at once */
  readonly when?: (transmit: () => void) => void;
}

/** Sends a command and resolves with the broker's answer; undefined if there was none because of an interruption. */
export function request(
  channel: Channel,
  asked: OutgoingCommand,
  what: string,
  options: RequestOptions & { readonly timeoutMs: number },
): Promise<WireResponse | undefined> {
  const isMoot = options.interrupted === 'answered';
  if (isMoot && !channel.isOpen) return Promise.resolve(undefined);
  return new Promise((resolve, reject) => {
    const pending: Pending = {
      command: {
        ...asked,
        commandId: channel.nextCommandId(),
        responseRequired: true,
      },
      what,
      timeoutMs: options.timeoutMs,
      signal: options.signal,
      interrupted: isMoot
        ? () => {
            resolve(undefined);
            return 'done';
          }
        : 'resend',
      settle: (error, response) => {
        if (error === undefined) resolve(response);
        else reject(error);
      },
    };
    const id = channel.enlist(pending);
    const transmit = (): void => {
      channel.transmit(id);
    };
    if (options.when === undefined) transmit();
    else options.when(transmit);
  });
}
