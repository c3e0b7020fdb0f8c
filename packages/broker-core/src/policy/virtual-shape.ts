import { isTemporary, isComposite, isWildcard, parseDestination } from '@batonmq/model';
import {
  fields,
  flag,
  here,
  name,
  text,
  typed,
  within,
  type Problem,
  type Shape,
} from './shape.ts';

/** An option of ActiveMQ that has nothing to choose here. */
function without(reason: string): Shape {
  return () => here(`has no meaning here: ${reason}`);
}

const ATOMIC = without('a fan-out is always atomic and stores the body once');

const FAN_OUT = {
  concurrentSend: ATOMIC,
  transactedSend: ATOMIC,
  dropOnResourceLimit: without('a send is taken by all its receivers or refused'),
  local: without('there are no network connections whose messages could be told apart'),
};

/** Where messages go: one concrete destination that is not temporary. */
const target: Shape = (value) => {
  if (typeof value !== 'string' || value === '') {
    return here('must be a destination: queue://NAME or topic://NAME');
  }
  const parsed = parseDestination(value);
  if (isWildcard(parsed) || isComposite(parsed)) return here('must be one concrete destination');
  return isTemporary(parsed) ? here('must not be temporary') : [];
};

function listOf(shape: Shape, least: number): Shape {
  return function* (value): Generator<Problem> {
    if (!Array.isArray(value) || value.length < least) {
      yield* here(least > 0 ? 'must be a list that is not empty' : 'must be a list');
      return;
    }
    for (const [index, each] of (value as readonly unknown[]).entries()) {
      yield* within(index, shape(each));
    }
  };
}

const COMPOSITE = fields({ name, forwardTo: listOf(target, 1), forwardOnly: flag, ...FAN_OUT }, [
  'name',
  'forwardTo',
]);

/** What an entry of the virtual destinations may be. */
export const VIRTUAL_DESTINATION = typed({
  virtualTopic: fields({
    name,
    prefix: text,
    postfix: text,
    queues: listOf(name, 0),
    ...FAN_OUT,
  }),
  compositeQueue: COMPOSITE,
  compositeTopic: COMPOSITE,
  mirroredQueues: fields({ prefix: text, postfix: text }),
});
