import { destination, isTemporary, type Destination } from '@batonmq/model';
import type { RecoveredDestination } from '@batonmq/store-spi';
import { POLICY_DEFAULTS } from '../policy/policy-defaults.ts';
import type { TermParts } from '../term-parts.ts';
import { isAdvisoryName } from '../security/reserved-names.ts';
import { imageRules, type ImageRule } from './image-rule.ts';
import { IMAGE_KEY_PREFIX, imageKey, RecoveryImage, type ImageOwner } from './recovery-image.ts';

/** The images of all topics of a term. */
export class RecoveryImages {
  /** Bytes of all of them together. */
  usedBytes = 0;
  readonly #parts: TermParts;
  /** What the store has, until the topic it belongs to is made. */
  readonly #recovered = new Map<string, RecoveredDestination>();

  constructor(parts: TermParts) {
    this.#parts = parts;
  }

  /** True if a destination that was recovered is the image of a topic. */
  recovered(recovered: RecoveredDestination): boolean {
    if (!recovered.key.startsWith(IMAGE_KEY_PREFIX)) return false;
    this.#recovered.set(recovered.key, recovered);
    return true;
  }

  /**
   * Makes the topics that have a stored image, so that wildcards find them, and removes what no policy
   * asks for any more.
   */
  endRecovery(): void {
    for (const [key, { destination: number }] of this.#recovered) {
      const topic = destination('topic', key.slice(key.indexOf('/', IMAGE_KEY_PREFIX.length) + 1));
      if (this.#rulesOf(topic).some((rule) => rule.isStored && imageKey(rule, topic) === key)) {
        this.#parts.destinations.recoveredTopic(topic);
      } else {
        this.#parts.writes.appendDestination({ type: 'destination-removed', destination: number });
      }
    }
    this.#recovered.clear();
  }

  /** The images of a topic that is made now. */
  of(topic: ImageOwner): readonly RecoveryImage[] {
    return this.#rulesOf(topic.destination).map((rule) => {
      const key = imageKey(rule, topic.destination);
      return new RecoveryImage(
        topic,
        rule,
        this.#parts,
        rule.isStored ? this.#recovered.get(key) : undefined,
      );
    });
  }

  /** What the broker itself says has no past, and what is temporary is not stored. */
  #rulesOf(topic: Destination): readonly ImageRule[] {
    if (isAdvisoryName(topic)) return [];
    const { subscriptionRecoveryPolicy = POLICY_DEFAULTS.subscriptionRecoveryPolicy } =
      this.#parts.policies.of(topic);
    const rules = imageRules(subscriptionRecoveryPolicy);
    return isTemporary(topic) ? rules.map((rule) => ({ ...rule, isStored: false })) : rules;
  }
}
