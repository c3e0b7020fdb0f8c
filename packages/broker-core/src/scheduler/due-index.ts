import type { Job } from './job.ts';

/** Dead places that are not worth tidying up. */
const DEAD_MAX = 64;

/**
 * The jobs by the time to look at them, then by age: a binary heap. One that was removed or changed
 * leaves its old place behind; when those are the most, the heap is built anew.
 */
export class DueIndex {
  readonly #jobs = new Map<string, Job>();
  #heap: Job[] = [];

  get size(): number {
    return this.#jobs.size;
  }

  get(id: string): Job | undefined {
    return this.#jobs.get(id);
  }

  /** Adds a job, in place of one with its id. */
  set(job: Job): void {
    this.#jobs.set(job.id, job);
    this.#push(job);
    if (this.#heap.length > 2 * this.#jobs.size + DEAD_MAX) this.#rebuild();
  }

  delete(id: string): boolean {
    return this.#jobs.delete(id);
  }

  /** The first job to look at. */
  first(): Job | undefined {
    for (;;) {
      const [first] = this.#heap;
      if (first === undefined || this.#jobs.get(first.id) === first) return first;
      this.#shift();
    }
  }

  /** Takes the first job out of the order of times; it is still there by its id. */
  take(): Job | undefined {
    const first = this.first();
    if (first !== undefined) this.#shift();
    return first;
  }

  /** Those due from `from` to `to`, in order. */
  between(from: number, to: number): readonly Job[] {
    return [...this.#jobs.values()]
      .filter(({ due }) => due >= from && due <= to)
      .sort((one, other) => one.due - other.due || one.sequence - other.sequence);
  }

  #push(job: Job): void {
    const heap = this.#heap;
    let at = heap.length;
    heap.push(job);
    while (at > 0) {
      const parent = (at - 1) >> 1;
      const above = heap[parent];
      if (above === undefined || !isBefore(job, above)) break;
      heap[at] = above;
      at = parent;
    }
    heap[at] = job;
  }

  #shift(): void {
    const heap = this.#heap;
    const last = heap.pop();
    if (last === undefined || heap.length === 0) return;
    let at = 0;
    for (;;) {
      const left = 2 * at + 1;
      const [one, other] = [heap[left], heap[left + 1]];
      if (one === undefined) break;
      const isRight = other !== undefined && isBefore(other, one);
      const below = isRight ? other : one;
      if (!isBefore(below, last)) break;
      heap[at] = below;
      at = isRight ? left + 1 : left;
    }
    heap[at] = last;
  }

  #rebuild(): void {
    this.#heap = this.#heap.filter((job) => this.#jobs.get(job.id) === job);
    this.#heap.sort((one, other) => (isBefore(one, other) ? -1 : 1));
  }
}

function isBefore(one: Job, other: Job): boolean {
  return (
    one.wakeAt < other.wakeAt || (one.wakeAt === other.wakeAt && one.sequence < other.sequence)
  );
}
