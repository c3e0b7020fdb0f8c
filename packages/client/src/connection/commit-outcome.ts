import {
  command,
  TRANSACTION_TYPE,
  type LocalTransactionId,
  type TransactionInfo,
  type WireResponse,
} from '@batonmq/openwire';
import type { Clock } from '@batonmq/runtime';

export interface OutcomeContext {
  readonly clock: Clock;
  readonly connectionId: string;
  /** For all questions together; -1 is no limit. */
  readonly timeoutMs: number;
  /** Whether the broker in use knows the question; asked after it was sent and answered. */
  canAnswer(): boolean;
  request(info: TransactionInfo, timeoutMs: number): Promise<WireResponse | undefined>;
}

/** Between two questions while the commit is still being made durable. */
const ASK_AGAIN_MS = 20;

/**
 * How a commit ended whose answer was lost: `docs/formats/openwire-extensions.md` §2. The question
 * waits for the next connection; a broker that does not know it gives an answer without meaning.
 */
export async function askOutcome(
  id: LocalTransactionId,
  context: OutcomeContext,
): Promise<'committed' | 'rolled-back' | 'unknown'> {
  const info = command('TransactionInfo', {
    connectionId: command('ConnectionId', { value: context.connectionId }),
    transactionId: id,
    transactionType: TRANSACTION_TYPE.recover,
  });
  const deadline = context.timeoutMs < 0 ? Infinity : context.clock.now() + context.timeoutMs;
  for (;;) {
    const leftMs = deadline - context.clock.now();
    const answer = await context.request(info, leftMs === Infinity ? -1 : Math.max(1, leftMs));
    if (!context.canAnswer() || answer?.type !== 'IntegerResponse') return 'unknown';
    if (answer.result === OPEN) await pause(context.clock);
    else return answer.result === COMMITTED ? 'committed' : 'rolled-back';
  }
}

const COMMITTED = 1;
const OPEN = 2;

function pause(clock: Clock): Promise<void> {
  return new Promise((resolve) => {
    clock.setTimer(ASK_AGAIN_MS, resolve);
  });
}
