import { AbortError, epoch, type Epoch } from '@batonmq/model';
import { Contents } from './contents.ts';

/** Memory that stores of one process share; see {@link createMemorySpace}. */
export interface MemorySpace {
  /**
   * Takes the right to write from its holder without asking it, as an expired lease or a lost lock
   * does; the next in line gets it, with a new epoch. Until there is a next, nothing changes.
   *
   * @param holder - `told` learns of it when the next epoch starts; `unaware`, as a machine that was
   * paused, only when its next append is refused.
   */
  depose(holder?: 'told' | 'unaware'): void;
}

/** Makes an empty space. It lives as long as somebody holds it, whether or not a store is open. */
export function createMemorySpace(): MemorySpace {
  return new SharedSpace();
}

/** One turn as the holder of the space. */
export interface Turn {
  readonly owner: string;
  readonly epoch: Epoch;
  /** Set by the holder; called when it is told that a newer epoch exists. */
  onFenced: () => void;
}

interface Waiting {
  readonly owner: string;
  readonly grant: (turn: Turn) => void;
}

export class SharedSpace implements MemorySpace {
  readonly contents = new Contents();
  #epoch = epoch(0);
  #holder: Turn | undefined;
  #deposed: Turn | undefined;
  #line: Waiting[] = [];

  /** Newest epoch granted; 0 before the first. The fence: only its turn may write. */
  get epoch(): Epoch {
    return this.#epoch;
  }

  get holderName(): string | undefined {
    return this.#holder?.owner;
  }

  isHeldBy(turn: Turn): boolean {
    return this.#holder === turn;
  }

  /** Resolves in order of arrival; an abort of `signal` leaves the line. */
  async takeTurn(owner: string, signal: AbortSignal): Promise<Turn> {
    if (signal.aborted) throw leftTheLine(signal);
    return new Promise((resolve, reject) => {
      const leave = (): void => {
        this.#line = this.#line.filter((other) => other !== waiting);
        reject(leftTheLine(signal));
      };
      const waiting: Waiting = {
        owner,
        grant: (turn) => {
          signal.removeEventListener('abort', leave);
          resolve(turn);
        },
      };
      signal.addEventListener('abort', leave, { once: true });
      this.#line.push(waiting);
      this.#grantNext();
    });
  }

  /** Gives the turn back; the next in line has it when this returns. */
  endTurn(turn: Turn): void {
    if (this.#holder !== turn) return;
    this.#holder = undefined;
    this.#grantNext();
  }

  depose(holder: 'told' | 'unaware' = 'told'): void {
    if (holder === 'told') this.#deposed = this.#holder;
    this.#holder = undefined;
    this.#grantNext();
  }

  #grantNext(): void {
    if (this.#holder !== undefined) return;
    const next = this.#line.shift();
    if (next === undefined) return;
    this.#epoch = epoch(this.#epoch + 1);
    this.#holder = { owner: next.owner, epoch: this.#epoch, onFenced: () => undefined };
    this.#deposed?.onFenced();
    this.#deposed = undefined;
    next.grant(this.#holder);
  }
}

function leftTheLine(signal: AbortSignal): AbortError {
  return new AbortError('Waiting for the memory store', signal.reason);
}
