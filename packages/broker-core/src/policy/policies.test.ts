import { parseDestination } from '@batonmq/model';
import { simRandom } from '@batonmq/runtime/sim';
import { expect, test } from 'vitest';
import { BROKER_DEFAULTS, resolveBrokerOptions } from '../options.ts';
import type { PolicyEntry } from './destination-policy.ts';
import { Policies } from './policies.ts';
import { compareSpecificity } from './specificity.ts';

const SETTINGS = resolveBrokerOptions();

function policies(...entries: PolicyEntry[]): Policies {
  return new Policies(entries, SETTINGS);
}

function problemsOf(...entries: unknown[]): string {
  try {
    policies(...(entries as PolicyEntry[]));
  } catch (error) {
    return (error as Error).message;
  }
  return '';
}

test.each([
  ['>', '*.>'],
  ['*', 'A'],
  ['A.>', 'A.*'],
  ['A.>', 'A'],
  ['A.*', 'A.B'],
  ['*.B.C', 'A.>'],
  ['A.*.>', 'A.*.C'],
  ['A.*.C', 'A.B.>'],
])('%s is less specific than %s', (one, other) => {
  expect(compareSpecificity(one, other)).toBeLessThan(0);
  expect(compareSpecificity(other, one)).toBeGreaterThan(0);
});

test('entries that cover a destination merge: each value is of the most specific one that sets it', () => {
  const orders: PolicyEntry[] = [
    { queue: 'orders.eu', maxConsumers: 1 },
    { queue: '>', maxConsumers: 9, maxMessages: 9, strictOrderDispatch: true },
    { queue: 'orders.*', maxConsumers: 5, maxMessages: 5 },
    { topic: '>', maxConsumers: 7 },
  ];
  for (const entries of [orders, [...orders].reverse()]) {
    expect(policies(...entries).of(parseDestination('queue://orders.eu'))).toEqual({
      maxConsumers: 1,
      maxMessages: 5,
      strictOrderDispatch: true,
    });
  }
});

test('a redelivery policy merges value by value, a strategy is replaced whole', () => {
  const of = policies(
    {
      queue: '>',
      redeliveryPolicy: { maximumRedeliveries: 3, redeliveryDelay: 10 },
      deadLetterStrategy: { type: 'individual', queuePrefix: 'DLQ.', expiration: 5 },
    },
    {
      queue: 'A',
      redeliveryPolicy: { redeliveryDelay: 20 },
      deadLetterStrategy: { type: 'shared' },
    },
  ).of(parseDestination('queue://A'));
  expect(of.redeliveryPolicy).toEqual({ maximumRedeliveries: 3, redeliveryDelay: 20 });
  expect(of.deadLetterStrategy).toEqual({ type: 'shared' });
});

test('each value in force is shown with the entry that sets it', () => {
  const effective = policies(
    { queue: '>', maxConsumers: 2, redeliveryPolicy: { maximumRedeliveries: 3 } },
    { queue: 'A.*', maxMessages: 7 },
  ).effective(parseDestination('queue://A.B'));
  expect(effective).toMatchObject({
    maxConsumers: { value: 2, source: 'queue://>' },
    maxMessages: { value: 7, source: 'queue://A.*' },
    'redeliveryPolicy.maximumRedeliveries': { value: 3, source: 'queue://>' },
    'redeliveryPolicy.redeliveryDelay': { value: 1000, source: 'default' },
    memoryLimit: { value: BROKER_DEFAULTS.destinationMemoryLimitBytes, source: 'default' },
    queuePrefetch: { value: null, source: 'default' },
    deadLetterStrategy: {
      value: {
        type: 'shared',
        deadLetterQueue: 'ActiveMQ.DLQ',
        processExpired: true,
        processNonPersistent: false,
        expiration: 0,
      },
      source: 'default',
    },
  });
});

test('every problem of all entries is reported at once, each with its place', () => {
  const text = problemsOf(
    { queue: 'A', memoryLimit: '1 mb', colour: 'red', topicPrefetch: 1 },
    { queue: 'A', topic: 'A' },
    { queue: 'A.>.B' },
    { topic: 'A,B', subscriptionRecoveryPolicy: { type: 'fixedCount', maximumsize: 3 } },
    { topic: 'C', dispatchPolicy: { type: 'random' } },
    7,
  );
  expect(
    text
      .replace('Wrong policies: ', '')
      .split('; ')
      .map((each) => each.slice(0, 60)),
  ).toEqual([
    '[0].memoryLimit must be a whole number from 1024 up, not "1 ',
    '[0].colour is not an option of a policy',
    expect.stringMatching(/^these are: strictOrderDispatch, /),
    '[0].topicPrefetch means something for a topic only',
    '[1] must name either a queue or a topic it is for',
    '[2].queue may have > as its last level only',
    '[3].topic must be one name or pattern',
    'write an entry for each',
    '[3].subscriptionRecoveryPolicy.maximumsize is unknown',
    'these are known: maximumSize, isStored',
    expect.stringMatching(/^\[4\]\.dispatchPolicy\.type must be one of simple, roundRobin/),
    '[5] must be a policy with a queue or a topic it is for',
  ]);
});

test('two entries for one pattern are refused: which of them counts would be chance', () => {
  expect(problemsOf({ queue: 'A.*', maxMessages: 1 }, { queue: 'A.*' })).toMatch(
    /^Wrong policies: \[1\] is the second entry for queue:\/\/A\.\*/,
  );
  expect(problemsOf({ queue: 'A.*' }, { topic: 'A.*' }, { queue: 'A.>' })).toBe('');
});

test('a query that is no selector is refused', () => {
  const query = "region = 'eu";
  expect(
    problemsOf({ topic: 'A', subscriptionRecoveryPolicy: { type: 'queryBased', query } }),
  ).toMatch(/^Wrong policies: \[0\]\.subscriptionRecoveryPolicy\.query is no selector: /);
});

test.each<[RegExp, PolicyEntry[]]>([
  [/\.memoryLimit must not be greater/, [{ queue: 'A', memoryLimit: 2 ** 40 }]],
  [
    /\[0\]\.sendFailIfNoSpaceAfterTimeout has no meaning/,
    [{ queue: 'A', sendFailIfNoSpace: true, sendFailIfNoSpaceAfterTimeout: 5 }],
  ],
  [
    /\[1\]\.sendFailIfNoSpaceAfterTimeout has no meaning/,
    [
      { queue: '>', sendFailIfNoSpaceAfterTimeout: 5 },
      { queue: 'A', sendFailIfNoSpace: true },
    ],
  ],
  [
    /\.maximumRedeliveryDelay must not be less/,
    [{ queue: 'A', redeliveryPolicy: { maximumRedeliveryDelay: 10 } }],
  ],
  [
    /\.backOffMultiplier has no meaning/,
    [{ queue: 'A', redeliveryPolicy: { backOffMultiplier: 2 } }],
  ],
])('values that contradict each other are refused: %s', (problem, entries) => {
  expect(problemsOf(...entries)).toMatch(problem);
});

test('adding a less specific entry never changes a value that a more specific one sets', () => {
  const random = simRandom(7);
  const pick = <T>(all: readonly T[]): T => all[Math.floor(random.float() * all.length)] as T;
  const name = ['A', 'B', 'C'];
  const target = parseDestination(`queue://${name.join('.')}`);
  /** Of the patterns that cover A.B.C. */
  const pattern = (): string => {
    const levels: string[] = [];
    for (const level of name) {
      const made = pick([level, '*', '>']);
      levels.push(made);
      if (made === '>') break;
    }
    return levels.join('.');
  };
  for (let round = 0; round < 2000; round += 1) {
    const entries = new Map<string, PolicyEntry>();
    for (let count = 0; count < 4; count += 1) {
      const queue = pattern();
      const values: Partial<PolicyEntry> = {};
      if (random.float() < 0.6) Object.assign(values, { maxMessages: count + 1 });
      if (random.float() < 0.6) Object.assign(values, { maxConsumers: count + 1 });
      entries.set(queue, { ...values, queue } as PolicyEntry);
    }
    const added: PolicyEntry = { queue: pattern(), maxMessages: 99, maxConsumers: 99 };
    entries.delete(added.queue);
    const before = [...entries.values()];
    const after = policies(...before, added).effective(target);
    const effective = policies(...before).effective(target);
    for (const key of ['maxMessages', 'maxConsumers']) {
      const source = effective[key]?.source.replace('queue://', '') ?? '';
      const isLess = source !== 'default' && compareSpecificity(added.queue, source) < 0;
      expect(after[key]).toEqual(
        isLess ? effective[key] : { value: 99, source: `queue://${added.queue}` },
      );
    }
  }
});
