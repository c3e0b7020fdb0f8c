import type { WebSocket } from 'ws';

/**
 * Notices peers that are gone without a word. One timer serves all WebSockets of a listener: at each
 * tick those that have not answered the last ping are cut, and the others are pinged.
 */
export class WebSocketPings {
  readonly #intervalMs: number;
  readonly #watched = new Set<WebSocket>();
  readonly #unanswered = new WeakSet<WebSocket>();
  #timer: NodeJS.Timeout | undefined;

  constructor(intervalMs: number) {
    this.#intervalMs = intervalMs;
  }

  /** Until it is closed. */
  watch(webSocket: WebSocket): void {
    if (this.#intervalMs === 0) return;
    this.#watched.add(webSocket);
    webSocket.on('pong', () => this.#unanswered.delete(webSocket));
    webSocket.once('close', () => {
      this.#watched.delete(webSocket);
      if (this.#watched.size > 0) return;
      clearTimeout(this.#timer);
      this.#timer = undefined;
    });
    this.#timer ??= this.#next();
  }

  #next(): NodeJS.Timeout {
    return setTimeout(() => {
      this.#timer = this.#next();
      for (const webSocket of this.#watched) this.#check(webSocket);
    }, this.#intervalMs);
  }

  #check(webSocket: WebSocket): void {
    // Its answer cannot arrive while nothing is read from it.
    if (webSocket.isPaused) this.#unanswered.delete(webSocket);
    else if (this.#unanswered.has(webSocket)) webSocket.terminate();
    else {
      this.#unanswered.add(webSocket);
      webSocket.ping();
    }
  }
}
