import type { Message } from '@batonmq/model';
import { messageFilter, type MessageFilter } from '../message/message-filter.ts';
import { isMarkedRetain } from '../message/retain.ts';
import type { SubscriptionRecoveryPolicy } from '../policy/destination-policy.ts';

/** What one image of a topic holds. */
export interface ImageRule {
  /** Tells the images of one topic apart, in the store too. */
  readonly slot: 'recent' | 'retained';
  /** Whether persistent messages of it are stored. */
  readonly isStored: boolean;
  readonly messagesMax: number;
  readonly bytesMax: number;
  /** How long after its arrival a message is held, in milliseconds. */
  readonly ageMsMax: number;
  /** Which messages it holds; none is all. */
  readonly isHeld: MessageFilter | undefined;
  /** A message that leaves nothing in the image, itself included. */
  readonly isClearing: MessageFilter | undefined;
  /** Which of them a consumer is given; none is all. */
  readonly isRecalled: MessageFilter | undefined;
}

/** What the policies leave open. */
const IMAGE_DEFAULTS = Object.freeze({
  fixedCountMessages: 100,
  fixedSizedBytes: 65_536,
  recoverDurationMs: 60_000,
});

const WITHOUT_LIMIT = {
  slot: 'recent',
  messagesMax: Infinity,
  bytesMax: Infinity,
  ageMsMax: Infinity,
  isHeld: undefined,
  isClearing: undefined,
  isRecalled: undefined,
} as const;

/** The images that a policy wants, in the order in which a consumer gets them. */
export function imageRules(policy: SubscriptionRecoveryPolicy): readonly ImageRule[] {
  if (policy.type === 'none') return [];
  const { isStored = false } = policy;
  switch (policy.type) {
    case 'lastImage':
      return [{ ...WITHOUT_LIMIT, isStored, messagesMax: 1 }];
    case 'fixedCount': {
      const { maximumSize = IMAGE_DEFAULTS.fixedCountMessages } = policy;
      return [{ ...WITHOUT_LIMIT, isStored, messagesMax: maximumSize }];
    }
    case 'fixedSized': {
      const { maximumSize = IMAGE_DEFAULTS.fixedSizedBytes } = policy;
      return [{ ...WITHOUT_LIMIT, isStored, bytesMax: maximumSize }];
    }
    case 'timed': {
      const { recoverDuration = IMAGE_DEFAULTS.recoverDurationMs } = policy;
      return [{ ...WITHOUT_LIMIT, isStored, ageMsMax: recoverDuration }];
    }
    case 'queryBased': {
      const { maximumSize = IMAGE_DEFAULTS.fixedCountMessages, query } = policy;
      const isRecalled = messageFilter(query);
      return [{ ...WITHOUT_LIMIT, isStored, messagesMax: maximumSize, isRecalled }];
    }
    case 'retained': {
      const retained: ImageRule = {
        ...WITHOUT_LIMIT,
        slot: 'retained',
        isStored,
        messagesMax: 1,
        isHeld: isMarkedRetain,
        isClearing: isEmpty,
      };
      return [retained, ...(policy.wrapped === undefined ? [] : imageRules(policy.wrapped))];
    }
  }
}

function isEmpty({ content }: Message): boolean {
  return content === undefined || content.length === 0;
}
