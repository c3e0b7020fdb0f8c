/** Work that may be under way at once; whoever starts it waits for a free slot. */
export class Slots {
  readonly #count: number;
  #filled = 0;
  #failure: Error | undefined;
  #wake: () => void = () => undefined;

  constructor(count: number) {
    this.#count = count;
  }

  get areFull(): boolean {
    return this.#filled >= this.#count;
  }

  /** Takes a slot until `work` is done; calls `succeeded` in the turn that it is. */
  fill(work: Promise<unknown>, succeeded: () => void): void {
    this.#filled++;
    const free = (): void => {
      this.#filled--;
      this.#wake();
    };
    work.then(
      () => {
        succeeded();
        free();
      },
      (error: unknown) => {
        this.#failure ??= error instanceof Error ? error : new Error(String(error));
        free();
      },
    );
  }

  /** Rejects if any work has failed. */
  async oneFree(): Promise<void> {
    await this.#until(() => !this.areFull);
  }

  /** Rejects if any work has failed. */
  async allFree(): Promise<void> {
    await this.#until(() => this.#filled === 0);
  }

  async #until(isReached: () => boolean): Promise<void> {
    while (!isReached()) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    if (this.#failure !== undefined) throw this.#failure;
  }
}
