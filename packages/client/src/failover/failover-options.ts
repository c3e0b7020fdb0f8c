import { decimal, flag, wholeNumber, words, type OptionValues } from '@batonmq/discovery';

/**
 * Options of `failover:` by their ActiveMQ names. Times are milliseconds, -1 is "without limit".
 * `docs/reference/failover-options.md` tells users what each does.
 */
export const FAILOVER_OPTIONS = {
  /** Wait between the loss of a connection and the first pass over the candidates. */
  initialReconnectDelay: wholeNumber(10),
  /** Ceiling of the wait between passes. */
  maxReconnectDelay: wholeNumber(30_000),
  /** Whether the wait grows after each failed pass. */
  useExponentialBackOff: flag(true),
  /** By how much it grows. */
  reconnectDelayExponent: decimal(2, { min: 1 }),
  /** The wait in force until the first failed pass; `initialReconnectDelay` if it is not given. */
  reconnectDelay: wholeNumber(-1, { min: -1 }),
  /** Failed passes after which the connection is given up; 0 never reconnects. */
  maxReconnectAttempts: wholeNumber(-1, { min: -1 }),
  /** The same for the first connection; -1 leaves it to `maxReconnectAttempts`. */
  startupMaxReconnectAttempts: wholeNumber(-1, { min: -1 }),
  /** A warning is logged on the first failed pass and then on each n-th; 0 and less turns it off. */
  warnAfterReconnectAttempts: wholeNumber(10, { min: -1 }),
  /** Whether the candidates are shuffled before each pass. */
  randomize: flag(true),
  /** Whether spare connections are held open. */
  backup: flag(false),
  /** How many; more than a few only load the brokers. */
  backupPoolSize: wholeNumber(1, { min: 1, max: 64 }),
  /** Whether a connection returns to a priority broker when one can be reached again. */
  priorityBackup: flag(false),
  /** Comma-separated; the first broker of the list if it is not given. */
  priorityURIs: words(''),
  /** Deadline of every send; ActiveMQ waits for ever, here that has to be asked for with -1. */
  timeout: wholeNumber(30_000, { min: -1 }),
  /** Whether sends that ask for no answer are kept and sent again after a reconnect. */
  trackMessages: flag(false),
  /** Bytes kept for `trackMessages`. */
  maxCacheSize: wholeNumber(131_072),
  /** Whether a producer closed inside of a transaction is made again for its replay. */
  trackTransactionProducers: flag(true),
  /** Whether lists of brokers that a broker pushes are accepted. */
  updateURIsSupported: flag(true),
  /** File or http(s) URL with comma-separated URIs, read at the start of each pass. */
  updateURIsURL: words(''),
  /** Whether a change of that list may move a working connection. */
  rebalanceUpdateURIs: flag(true),
  /** Whether a broker may send the client to another one. */
  reconnectSupported: flag(true),

  // Options that ActiveMQ does not have.

  /** Deadline for one candidate: TCP connect, negotiation and log-in together. */
  connectTimeout: wholeNumber(5_000, { min: 1 }),
  /**
   * A candidate that has not answered after this long is left running and the next one is dialled
   * beside it, so that a machine that swallows packets does not hold up the others.
   */
  dialOverlap: wholeNumber(200, { min: 1 }),
  /**
   * For this long after a loss the wait between passes stays at `eagerReconnectDelay` or below: a
   * takeover is over within it, and a refused dial costs next to nothing. Not used where
   * `maxReconnectAttempts` counts the passes.
   */
  eagerReconnectTime: wholeNumber(3_000),
  eagerReconnectDelay: wholeNumber(20, { min: 1 }),
} as const;

export type FailoverSettings = OptionValues<typeof FAILOVER_OPTIONS>;
