const CAPACITY_MIN = 16;

/** First in, first out on a ring buffer: every operation takes constant time on average. */
export class Deque<T> {
  #slots: (T | undefined)[] = new Array<T | undefined>(CAPACITY_MIN).fill(undefined);
  #head = 0;
  #length = 0;

  get length(): number {
    return this.#length;
  }

  push(value: T): void {
    if (this.#length === this.#slots.length) this.#resize(this.#length * 2);
    this.#slots[(this.#head + this.#length) & (this.#slots.length - 1)] = value;
    this.#length += 1;
  }

  peek(): T | undefined {
    return this.#slots[this.#head];
  }

  shift(): T | undefined {
    const value = this.#slots[this.#head];
    if (this.#length === 0) return undefined;
    this.#slots[this.#head] = undefined;
    this.#head = (this.#head + 1) & (this.#slots.length - 1);
    this.#length -= 1;
    this.#shrink();
    return value;
  }

  /** The one that is `index` places behind the head. */
  at(index: number): T | undefined {
    if (index >= this.#length) return undefined;
    return this.#slots[(this.#head + index) & (this.#slots.length - 1)];
  }

  /** Takes out the one that {@link at} shows; costs as much as the shorter way to an end. */
  removeAt(index: number): T | undefined {
    if (index === 0) return this.shift();
    const value = this.at(index);
    if (value === undefined) return undefined;
    if (index * 2 < this.#length) {
      for (let place = index; place > 0; place -= 1) this.#set(place, this.at(place - 1));
      this.#set(0, value);
      return this.shift();
    }
    for (let place = index; place < this.#length - 1; place += 1) {
      this.#set(place, this.at(place + 1));
    }
    this.#length -= 1;
    this.#set(this.#length, undefined);
    return value;
  }

  /** Keeps what `isKept` says, in order. */
  filter(isKept: (value: T) => boolean): void {
    const slots = this.#slots;
    const mask = slots.length - 1;
    let keptCount = 0;
    for (let index = 0; index < this.#length; index += 1) {
      const value = slots[(this.#head + index) & mask] as T;
      if (!isKept(value)) continue;
      slots[(this.#head + keptCount) & mask] = value;
      keptCount += 1;
    }
    for (let index = keptCount; index < this.#length; index += 1) {
      slots[(this.#head + index) & mask] = undefined;
    }
    this.#length = keptCount;
    this.#shrink();
  }

  clear(): void {
    this.#slots = new Array<T | undefined>(CAPACITY_MIN).fill(undefined);
    this.#head = 0;
    this.#length = 0;
  }

  *[Symbol.iterator](): Generator<T, undefined> {
    for (let index = 0; index < this.#length; index += 1) {
      yield this.#slots[(this.#head + index) & (this.#slots.length - 1)] as T;
    }
    return undefined;
  }

  #set(index: number, value: T | undefined): void {
    this.#slots[(this.#head + index) & (this.#slots.length - 1)] = value;
  }

  /** A burst must not keep its memory; a quarter, so that growing and shrinking never alternate. */
  #shrink(): void {
    let capacity = this.#slots.length;
    while (capacity > 1024 && this.#length * 4 < capacity) capacity /= 2;
    if (capacity < this.#slots.length) this.#resize(capacity);
  }

  #resize(capacity: number): void {
    const slots = new Array<T | undefined>(capacity).fill(undefined);
    for (let index = 0; index < this.#length; index += 1) slots[index] = this.at(index);
    this.#slots = slots;
    this.#head = 0;
  }
}
