/** One line on a terminal that is written over and over; nothing where no human looks. */
export class Progress {
  readonly #isShown: boolean;
  readonly #intervalMs: number;
  #shownAt = 0;
  #isLineOpen = false;

  /** At most one line per `intervalMs`, so that progress costs nothing next to the work. */
  constructor(isShown = process.stderr.isTTY, intervalMs = 200) {
    this.#isShown = isShown;
    this.#intervalMs = intervalMs;
  }

  show(text: () => string): void {
    if (!this.#isShown || performance.now() - this.#shownAt < this.#intervalMs) return;
    this.#shownAt = performance.now();
    this.#isLineOpen = true;
    process.stderr.write(`\r\x1b[K${text()}`);
  }

  /** Makes room for what comes after the last line. */
  end(): void {
    if (this.#isLineOpen) process.stderr.write('\r\x1b[K');
    this.#isLineOpen = false;
  }
}
