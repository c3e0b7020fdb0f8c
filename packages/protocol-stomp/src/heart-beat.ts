import type { CancelTimer, Clock } from '@batonmq/runtime';

/** The header `heart-beat`: what its sender can do, and what it wants. 0 is nothing. */
export interface HeartBeat {
  readonly sendsEveryMs: number;
  readonly wantsEveryMs: number;
}

/** Undefined if the text is no such header. */
export function parseHeartBeat(text: string): HeartBeat | undefined {
  const [, sends, wants] = /^\s*(\d{1,10})\s*,\s*(\d{1,10})\s*$/.exec(text) ?? [];
  if (sends === undefined || wants === undefined) return undefined;
  return { sendsEveryMs: Number(sends), wantsEveryMs: Number(wants) };
}

/** What we answer: as often as the client asks for, but for the shortest time we allow. */
export function answerHeartBeat(client: HeartBeat, minMs: number): HeartBeat {
  return {
    sendsEveryMs: client.wantsEveryMs === 0 ? 0 : Math.max(client.wantsEveryMs, minMs),
    wantsEveryMs: client.sendsEveryMs === 0 ? 0 : Math.max(client.sendsEveryMs, minMs),
  };
}

/** What a {@link HeartBeatMonitor} watches over. */
export interface Monitored {
  readonly lastSentMs: number;
  /** Counts as now while nothing is read from the peer. */
  readonly lastReceivedMs: number;
  sendHeartBeat(): void;
  peerIsSilent(silentMs: number): void;
}

/** Of the time in which the peer wants to hear from us, the part after which it does. */
const SEND_EARLY = 0.75;

/** No timer is longer; a peer may ask for a month. */
const TIMER_MAX_MS = 2 ** 31 - 1;

/**
 * Keeps both promises of the agreed heart-beat with one timer for each connection, which is set again when it
 * fires and not with every frame.
 */
export class HeartBeatMonitor {
  readonly #clock: Clock;
  readonly #peer: Monitored;
  readonly #sendAfterMs: number;
  readonly #silentAfterMs: number;
  #cancel: CancelTimer | undefined;

  /** @param agreed - Our side of it. */
  constructor(clock: Clock, peer: Monitored, agreed: HeartBeat, graceFactor: number) {
    this.#clock = clock;
    this.#peer = peer;
    this.#sendAfterMs = agreed.sendsEveryMs === 0 ? Infinity : agreed.sendsEveryMs * SEND_EARLY;
    this.#silentAfterMs = agreed.wantsEveryMs === 0 ? Infinity : agreed.wantsEveryMs * graceFactor;
    this.#plan();
  }

  stop(): void {
    this.#cancel?.();
    this.#cancel = undefined;
  }

  #plan(): void {
    const { lastSentMs, lastReceivedMs } = this.#peer;
    const due = Math.min(lastSentMs + this.#sendAfterMs, lastReceivedMs + this.#silentAfterMs);
    if (due === Infinity) return;
    const delayMs = Math.min(Math.max(1, due - this.#clock.now()), TIMER_MAX_MS);
    this.#cancel = this.#clock.setTimer(delayMs, this.#check);
  }

  readonly #check = (): void => {
    const now = this.#clock.now();
    if (now - this.#peer.lastReceivedMs >= this.#silentAfterMs) {
      this.#peer.peerIsSilent(this.#silentAfterMs);
      return;
    }
    if (now - this.#peer.lastSentMs >= this.#sendAfterMs) this.#peer.sendHeartBeat();
    this.#plan();
  };
}
