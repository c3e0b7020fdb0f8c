import { SendWindow } from './send-window.ts';

/**
 * The producer window of ActiveMQ: bounds the bytes that a broker was sent without asking for an
 * answer and has not accepted yet. The broker says how many bytes it accepted, not which messages, so
 * this counts bytes alone. What a reconnect replays of a transaction comes on top.
 */
export class ProducerWindow {
  readonly bytesMax: number;
  readonly #window: SendWindow;
  /** Bytes that went out and were not accepted. */
  #writtenBytes = 0;

  constructor(limits: { bytesMax: number; lineMax: number }) {
    this.bytesMax = limits.bytesMax;
    this.#window = new SendWindow({ countMax: Infinity, ...limits });
  }

  /** True if a send would go out without waiting. */
  get hasRoom(): boolean {
    return this.#window.hasRoom;
  }

  /**
   * Calls `enter`, now or when its turn comes; it is followed by one {@link settled}.
   *
   * @param bytes - 0 for a send that is answered: it keeps its place in the line and takes no room.
   * @returns false if the line is full: `enter` is never called then.
   */
  enter(bytes: number, enter: () => void): boolean {
    return this.#window.enter(bytes, enter);
  }

  /** Calls `run` when every send that is in line now has entered. */
  after(run: () => void): void {
    this.#window.after(run);
  }

  /** What entered went out, or never will. */
  settled(bytes: number, isWritten: boolean): void {
    if (isWritten && bytes > 0) this.#writtenBytes += bytes;
    else this.#window.leave(bytes);
  }

  /** The broker has accepted that much. */
  accepted(bytes: number): void {
    const leaving = Math.min(bytes, this.#writtenBytes);
    if (leaving <= 0) return;
    this.#writtenBytes -= leaving;
    this.#window.leave(leaving);
  }

  /** The connection is gone, and whatever its broker would have accepted. */
  interrupted(): void {
    this.accepted(this.#writtenBytes);
  }
}
