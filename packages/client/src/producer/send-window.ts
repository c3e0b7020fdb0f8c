/**
 * Bounds what is under way at once, in messages and in bytes, and lets the rest wait in line.
 * One message is always let in, however large.
 */
export class SendWindow {
  readonly #countMax: number;
  readonly #bytesMax: number;
  readonly #lineMax: number;
  /** Those waiting, from `#head` on. */
  #line: { readonly bytes: number; readonly enter: () => void }[] = [];
  #head = 0;
  #count = 0;
  #bytes = 0;

  constructor(limits: { countMax: number; bytesMax: number; lineMax: number }) {
    this.#countMax = limits.countMax;
    this.#bytesMax = limits.bytesMax;
    this.#lineMax = limits.lineMax;
  }

  /** True if a send would go out without waiting. */
  get hasRoom(): boolean {
    return this.#head === this.#line.length && this.#fits(0);
  }

  /**
   * Calls `enter`, now or when its turn comes; each call of it is followed by one {@link leave}.
   *
   * @returns false if the line is full: `enter` is never called then.
   */
  enter(bytes: number, enter: () => void): boolean {
    if (this.#head === this.#line.length && this.#fits(bytes)) {
      this.#count++;
      this.#bytes += bytes;
      enter();
      return true;
    }
    if (this.#line.length - this.#head >= this.#lineMax) return false;
    this.#line.push({ bytes, enter });
    return true;
  }

  /** Calls `run` when every send that is in line now has entered, at once if there is none. */
  after(run: () => void): void {
    if (this.#head === this.#line.length) {
      run();
      return;
    }
    const enter = (): void => {
      run();
      this.leave(0);
    };
    this.#line.push({ bytes: 0, enter });
  }

  leave(bytes: number): void {
    this.#count--;
    this.#bytes -= bytes;
    for (;;) {
      const next = this.#line[this.#head];
      if (next === undefined || !this.#fits(next.bytes)) break;
      this.#head++;
      this.#count++;
      this.#bytes += next.bytes;
      next.enter();
    }
    // Dropped in large pieces: taking each off the front would move the whole array.
    if (this.#head > 1024 || this.#head === this.#line.length) {
      this.#line = this.#line.slice(this.#head);
      this.#head = 0;
    }
  }

  #fits(bytes: number): boolean {
    if (this.#bytes === 0 && this.#count < this.#countMax) return true;
    return this.#count < this.#countMax && this.#bytes + bytes <= this.#bytesMax;
  }
}
