import { beforeEach, describe, expect, test } from 'vitest';
import type { Receipt } from '../connection/connection.ts';
import { MessageGroups, type GroupConsumer } from './message-groups.ts';

interface Consumer extends GroupConsumer {
  isFull: boolean;
  isHeldBack: boolean;
  readonly roomCount: number;
  readonly wanted: (text: string) => boolean;
}

class Message {
  readonly text: string;
  readonly groupSequence: number;
  readonly isStored: boolean;
  isFirstForConsumer = false;

  constructor(groupSequence = 0, { text = '', isStored = true } = {}) {
    this.groupSequence = groupSequence;
    this.text = text;
    this.isStored = isStored;
  }
}

let stored: Map<string, string>;
/** What the store has not answered yet. */
let recording: Receipt[];
let recordedCount: number;
let consumers: Consumer[];
let groups: MessageGroups<Consumer, Message>;

function groupsOf(settings: { ownersMax?: number; isRebalancing?: boolean } = {}): typeof groups {
  return new MessageGroups<Consumer, Message>(
    { ownersMax: 100, isRebalancing: true, ...settings },
    {
      wants: (consumer, { text }) => consumer.wanted(text),
      holdBack: (consumer) => {
        consumer.isHeldBack = true;
      },
      isHeldBack: ({ isHeldBack }) => isHeldBack,
      room: ({ isFull, roomCount }) => (isFull ? 0 : roomCount),
    },
    {
      put: (group, key, receipt) => {
        stored.set(group, key);
        recording.push(receipt);
      },
      remove: (group) => stored.delete(group),
      recorded: () => {
        recordedCount += 1;
      },
    },
  );
}

type JoinOptions = Partial<Pick<Consumer, 'priority' | 'roomCount' | 'wanted'>>;

function join(
  consumerKey: string,
  { priority = 0, roomCount = 100, wanted = () => true }: JoinOptions = {},
): Consumer {
  const consumer = { consumerKey, priority, roomCount, wanted, isFull: false, isHeldBack: false };
  groups.joined(consumer);
  consumers.push(consumer);
  return consumer;
}

/** Who gets the next message of a group, in a walk of its own. */
function walk(group: string, message = new Message()): string | undefined {
  groups.walkBegins();
  for (const consumer of consumers) consumer.isHeldBack = false;
  return groups.choose(groups.of(group), message)?.consumerKey;
}

/** The same, once the store has the owner. */
function give(group: string, message = new Message()): string | undefined {
  const now = walk(group, message);
  if (recording.length === 0) return now;
  for (const receipt of recording.splice(0)) receipt.settled();
  return walk(group, message);
}

function settle(group: string): void {
  groups.settled(groups.of(group));
}

beforeEach(() => {
  stored = new Map();
  consumers = [];
  recording = [];
  recordedCount = 0;
  groups = groupsOf();
});

describe('an owner', () => {
  test('gets all messages of its group, the first of them marked', () => {
    join('a');
    join('b');
    const messages = [new Message(), new Message()];
    expect(messages.map((message) => give('g', message))).toEqual(['a', 'a']);
    expect(messages.map(({ isFirstForConsumer }) => isFirstForConsumer)).toEqual([true, false]);
  });

  test('that is full is waited for', () => {
    const a = join('a');
    join('b');
    give('g');
    settle('g');
    a.isFull = true;
    expect(give('g')).toBeUndefined();
  });

  test('is stored once, by its first stored message', () => {
    join('a');
    give('g', new Message(0, { isStored: false }));
    expect(stored.size).toBe(0);
    give('g');
    expect([...stored]).toEqual([['g', 'a']]);
  });

  test('gets its first stored message when the store has its name, and later ones not before', () => {
    join('a');
    expect([walk('g'), walk('g'), groups.isRecording]).toEqual([undefined, undefined, true]);
    for (const receipt of recording) receipt.settled();
    expect([recordedCount, groups.isRecording, walk('g')]).toEqual([1, false, 'a']);
  });

  test('that left before the store had its name is followed by another', () => {
    const a = join('a');
    walk('g');
    groups.left(a);
    join('b');
    walk('g');
    for (const receipt of recording) receipt.settled();
    expect([walk('g'), [...stored]]).toEqual(['b', [['g', 'b']]]);
  });

  test('is promised no more new groups than it has room for', () => {
    const a = join('a', { roomCount: 2 });
    const b = join('b');
    for (const group of ['g', 'h', 'i', 'j', 'k']) walk(group);
    expect([groups.ownedCount(a), groups.ownedCount(b)]).toEqual([2, 3]);
  });

  test('that left is followed by another once all it had is settled', () => {
    const a = join('a');
    join('b');
    give('g');
    give('g');
    const group = groups.of('g');
    groups.left(a);
    expect(stored.has('g')).toBe(false);
    groups.settled(group);
    expect(give('g')).toBeUndefined();
    groups.settled(group);
    const message = new Message();
    expect([give('g', message), message.isFirstForConsumer]).toEqual(['b', true]);
  });

  test('that may not have a message gives the group up when it has nothing of it', () => {
    join('a', { wanted: (text) => text !== 'x' });
    join('b');
    give('g');
    expect(give('g', new Message(0, { text: 'x' }))).toBeUndefined();
    settle('g');
    expect(give('g', new Message(0, { text: 'x' }))).toBe('b');
  });
});

describe('a new group', () => {
  test('goes to the consumer with the fewest', () => {
    for (const key of ['a', 'b', 'c']) join(key);
    expect(['1', '2', '3', '4'].map((group) => give(group))).toEqual(['a', 'b', 'c', 'a']);
  });

  test('goes to greater priority first, while it has room', () => {
    join('low');
    const high = join('high', { priority: 5 });
    expect([give('1'), give('2')]).toEqual(['high', 'high']);
    high.isFull = true;
    expect(give('3')).toBe('low');
  });

  test('waits if all are full', () => {
    join('a').isFull = true;
    expect(give('g')).toBeUndefined();
  });
});

describe('a sequence', () => {
  test('of 1 finds an owner anew, and marks the message', () => {
    join('a');
    give('g');
    give('other');
    settle('g');
    join('b');
    const message = new Message(1);
    expect([give('g', message), message.isFirstForConsumer]).toEqual(['b', true]);
  });

  test('of 1 stays with an owner that has unsettled messages, and is marked', () => {
    join('a');
    give('g');
    join('b');
    const message = new Message(1);
    expect([give('g', message), message.isFirstForConsumer]).toEqual(['a', true]);
  });

  test('below 0 goes to the owner and closes the group; the next one waits until all is settled', () => {
    join('a');
    give('g');
    expect(give('g', new Message(-1))).toBe('a');
    expect(give('g')).toBeUndefined();
    const group = groups.of('g');
    groups.closed(group);
    expect(stored.has('g')).toBe(false);
    groups.settled(group);
    expect(give('g')).toBeUndefined();
    groups.settled(group);
    expect(groups.size).toBe(0);
    const message = new Message();
    expect([give('g', message), message.isFirstForConsumer]).toEqual(['a', true]);
  });
});

describe('order:', () => {
  test('once one message of a group is passed by, so are the later ones in the same walk', () => {
    const a = join('a');
    give('g');
    groups.walkBegins();
    a.isFull = true;
    expect(groups.choose(groups.of('g'), new Message())).toBeUndefined();
    a.isFull = false;
    expect(groups.choose(groups.of('g'), new Message())).toBeUndefined();
    expect(give('g')).toBe('a');
  });

  test('a message that no consumer wants holds up no others', () => {
    join('a', { wanted: (text) => text !== 'x' });
    give('g');
    groups.walkBegins();
    expect(groups.choose(groups.of('g'), new Message(0, { text: 'x' }))).toBeUndefined();
    expect(groups.choose(groups.of('g'), new Message())?.consumerKey).toBe('a');
  });
});

describe('rebalancing:', () => {
  function fourGroupsAtA(): void {
    join('a');
    for (const group of ['1', '2', '3', '4']) give(group);
    join('b');
  }

  test('quiet groups move to a consumer that joined, until both have the same', () => {
    fourGroupsAtA();
    for (const group of ['1', '2', '3', '4']) settle(group);
    expect(['1', '2', '3', '4'].map((group) => give(group))).toEqual(['b', 'b', 'a', 'a']);
  });

  test('a group with unsettled messages does not move', () => {
    fourGroupsAtA();
    expect(['1', '2', '3', '4'].map((group) => give(group))).toEqual(['a', 'a', 'a', 'a']);
  });

  test('none moves for a consumer of another priority', () => {
    join('a');
    for (const group of ['1', '2', '3']) give(group);
    join('b', { priority: 3 });
    for (const group of ['1', '2', '3']) settle(group);
    expect(give('1')).toBe('a');
  });

  test('none moves where it is turned off', () => {
    groups = groupsOf({ isRebalancing: false });
    fourGroupsAtA();
    for (const group of ['1', '2', '3', '4']) settle(group);
    expect(give('1')).toBe('a');
  });
});

describe('after a failover', () => {
  test('a group waits for its owner, and is its again without a mark', () => {
    groups.recovered('g', 'a');
    join('b');
    expect(give('g')).toBeUndefined();
    join('a');
    const message = new Message();
    expect([give('g', message), message.isFirstForConsumer]).toEqual(['a', false]);
  });

  test('a group whose owner does not come back in time goes to another', () => {
    stored.set('g', 'a');
    groups.recovered('g', 'a');
    join('b');
    groups.endWait();
    expect(stored.size).toBe(0);
    expect(give('g')).toBe('b');
    expect(groups.isAwaiting).toBe(false);
  });
});

describe('the limit of owners', () => {
  test('forgets a quiet group, and no other', () => {
    groups = groupsOf({ ownersMax: 3 });
    join('a');
    for (const group of ['1', '2', '3']) give(group);
    settle('2');
    give('4');
    expect(groups.size).toBe(3);
    expect([...stored.keys()]).toEqual(['1', '3', '4']);
  });

  test('gives way where every group has unsettled messages', () => {
    groups = groupsOf({ ownersMax: 2 });
    join('a');
    for (const group of ['1', '2', '3']) expect(give(group)).toBe('a');
    expect(groups.size).toBe(3);
  });
});

test('groups of a queue that is removed leave the store', () => {
  join('a');
  give('g');
  groups.clear();
  expect([stored.size, groups.size]).toEqual([0, 0]);
});
