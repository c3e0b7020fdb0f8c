/**
 * Telling a silent peer from a dead one. Pure: the caller has the clock and the timer.
 *
 * Whoever has sent nothing for a third of the agreed duration sends a `KeepAliveInfo`, so a peer
 * that is silent for all of it is gone. Any byte counts as a sign of life.
 */
import type { WireFormatSettings } from '../codec/settings.ts';

/** What a connection knows; all times from one monotonic clock, in milliseconds. */
export interface InactivityTimes {
  /** When the format was agreed. */
  readonly startedMs: number;
  /** When a byte was last received; `startedMs` if never. */
  readonly lastReceivedMs: number;
  /** When a frame was last sent; `startedMs` if never. */
  readonly lastSentMs: number;
  /** When {@link checkInactivity} was last asked; `startedMs` if never. */
  readonly lastCheckMs: number;
}

export interface InactivityVerdict {
  /** `send-keep-alive`: send one now. `peer-silent`: close the connection. */
  readonly action: 'none' | 'send-keep-alive' | 'peer-silent';
  /** When to ask again, unless the peer is silent; infinity if nobody monitors anything. */
  readonly nextCheckMs: number;
}

/** Decides what the silence so far means. */
export function checkInactivity(
  settings: Pick<WireFormatSettings, 'maxInactivityDurationMs' | 'maxInactivityInitialDelayMs'>,
  times: InactivityTimes,
  nowMs: number,
): InactivityVerdict {
  const { maxInactivityDurationMs: silence, maxInactivityInitialDelayMs: delay } = settings;
  if (silence <= 0) return { action: 'none', nextCheckMs: Infinity };
  const interval = Math.max(1, silence / 3);
  const receiveDeadline = Math.max(times.lastReceivedMs, times.startedMs + delay) + silence;
  if (nowMs >= receiveDeadline) {
    // If we were asleep ourselves, what the peer sent meanwhile is still waiting to be read.
    const wereAsleep = nowMs - times.lastCheckMs > silence;
    if (!wereAsleep) return { action: 'peer-silent', nextCheckMs: Infinity };
  }
  const isDue = nowMs >= times.lastSentMs + interval;
  const nextSend = (isDue ? nowMs : times.lastSentMs) + interval;
  const nextReceive = receiveDeadline > nowMs ? receiveDeadline : nowMs + interval;
  return {
    action: isDue ? 'send-keep-alive' : 'none',
    nextCheckMs: Math.min(nextSend, nextReceive),
  };
}
