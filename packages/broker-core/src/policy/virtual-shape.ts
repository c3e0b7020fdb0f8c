import { isTemporary, isComposite, isWildcard, parseDestination } from '@batonmq/model';
import { selector } from './selector-shape.ts';
import {
  fields,
  flag,
  here,
  isMapping,
  listOf,
  name,
  pattern,
  text,
  typed,
  within,
  type Problem,
  type Shape,
} from './shape.ts';

/** An option of ActiveMQ with nothing to choose here: only the value that says what happens anyway is taken. */
function only(inForce: boolean, reason: string): Shape {
  return (value) => (value === inForce ? [] : here(`has no meaning here: ${reason}`));
}

const NAMES_BOTH = 'a message names the destination it is in, and as its original one the other';

const FAN_OUT = {
  concurrentSend: only(false, 'a fan-out is one write'),
  transactedSend: only(true, 'a fan-out is always atomic and stores the body once'),
  dropOnResourceLimit: only(false, 'a send is taken by all its receivers or refused'),
  local: only(false, 'there are no network connections whose messages could be told apart'),
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

const FILTERED = fields({ queue: name, topic: name, selector });

function* filtered(value: unknown): Generator<Problem> {
  const problems = [...FILTERED(value)];
  yield* problems;
  if (problems.length > 0 || !isMapping(value)) return;
  const { queue, topic } = value;
  if ((queue === undefined) === (topic === undefined)) yield* here('must name a queue or a topic');
  else if (queue !== undefined) yield* within('queue', target(`queue://${queue as string}`));
  else yield* within('topic', target(`topic://${topic as string}`));
}

const forward: Shape = (value) => (isMapping(value) ? filtered(value) : target(value));

/** Stands before or behind a name, in a name: it holds no other one. */
const affix: Shape = (value) => {
  const problems = [...text(value)];
  if (problems.length > 0) return problems;
  return /[,>?]/.test(value as string) ? here('may not hold , > or ?') : [];
};

const COMPOSITE = fields(
  {
    name: pattern,
    forwardTo: listOf(forward, 1),
    forwardOnly: flag,
    sendWhenNotMatched: flag,
    copyMessage: only(true, NAMES_BOTH),
    ...FAN_OUT,
  },
  ['name', 'forwardTo'],
);

/** What an entry of the virtual destinations may be. */
export const VIRTUAL_DESTINATION = typed({
  virtualTopic: fields({
    name: pattern,
    prefix: affix,
    postfix: affix,
    queues: listOf(name, 0),
    selectorAware: flag,
    singleSelectorPerDestination: flag,
    setOriginalDestination: only(true, NAMES_BOTH),
    ...FAN_OUT,
  }),
  compositeQueue: COMPOSITE,
  compositeTopic: COMPOSITE,
  mirroredQueues: fields({ prefix: affix, postfix: affix, copyMessage: only(true, NAMES_BOTH) }),
});
