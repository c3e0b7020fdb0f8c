import type { Clock } from './clock.ts';
import type { Files } from './files.ts';
import type { Logger } from './logger.ts';
import type { Random } from './random.ts';

/** The outside world as one object, handed to everything that does work. */
export interface RuntimeComponents {
  readonly clock: Clock;
  readonly random: Random;
  readonly files: Files;
  readonly logger: Logger;
}
