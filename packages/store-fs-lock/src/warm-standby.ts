import type { JournalFollower } from '@batonmq/journal';
import type { RuntimeComponents } from '@batonmq/runtime';
import type { AcquireProgress } from '@batonmq/store-spi';
import { Pause } from './pause.ts';

/** Between two looks at the journal while it moves. Less: more load on the disk; more: more left to read at takeover. */
const BUSY_INTERVAL_MS = 20;
/** The longest interval, reached when nothing moves. */
const IDLE_INTERVAL_MS = 200;

/** Keeps a follower abreast of the journal while its broker stands in line. */
export class WarmStandby {
  readonly #components: RuntimeComponents;
  readonly #follower: JournalFollower;
  readonly #onProgress: (progress: AcquireProgress) => void;
  readonly #pause: Pause;
  readonly #startedAt: number;
  readonly #following: Promise<void>;
  #state: 'following' | 'stopped' | 'handed-over' = 'following';
  #isWarm = false;

  constructor(
    components: RuntimeComponents,
    follower: JournalFollower,
    onProgress: (progress: AcquireProgress) => void,
  ) {
    this.#components = components;
    this.#follower = follower;
    this.#onProgress = onProgress;
    this.#pause = new Pause(components.clock);
    this.#startedAt = components.clock.now();
    this.#following = this.#follow();
  }

  get lagBytes(): number {
    return this.#follower.lagBytes;
  }

  /** Hands the follower over to whoever opens the journal. */
  async stop(): Promise<JournalFollower> {
    await this.#halt();
    this.#state = 'handed-over';
    return this.#follower;
  }

  /** Closes the follower unless it was handed over. */
  async close(): Promise<void> {
    await this.#halt();
    if (this.#state !== 'handed-over') await this.#follower.close();
  }

  async #halt(): Promise<void> {
    if (this.#state === 'following') this.#state = 'stopped';
    this.#pause.wake();
    await this.#following;
  }

  async #follow(): Promise<void> {
    let intervalMs = BUSY_INTERVAL_MS;
    while (this.#state === 'following') {
      const lagBytes = await this.#catchUp();
      this.#onProgress({ type: 'following', lagBytes });
      intervalMs = lagBytes > 0 ? BUSY_INTERVAL_MS : Math.min(intervalMs * 2, IDLE_INTERVAL_MS);
      await this.#pause.sleep(intervalMs);
    }
  }

  /** What was left to read before. A journal that cannot be read now is judged by whoever takes over. */
  async #catchUp(): Promise<number> {
    try {
      await this.#follower.catchUp();
      this.#noteWarm();
    } catch (error) {
      this.#components.logger.log('debug', 'the journal cannot be followed yet', { error });
    }
    return this.#follower.lagBytes;
  }

  /** Once: from the first look that came to the end, a takeover does not wait for the backlog. */
  #noteWarm(): void {
    if (this.#isWarm) return;
    this.#isWarm = true;
    const { messageCount } = this.#follower;
    const tookMs = Math.round(this.#components.clock.now() - this.#startedAt);
    this.#components.logger.log('info', 'the standby is warm', {
      event: 'standby-warm',
      messageCount,
      tookMs,
    });
  }
}
