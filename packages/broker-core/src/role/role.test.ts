import { expect, test } from 'vitest';
import { canHappen, step, type Role, type RoleEvent } from './role.ts';

const ROLES: readonly Role[] = [
  'standby',
  'acquiring',
  'recovering',
  'active',
  'fenced',
  'stopped',
];
const EVENTS: readonly RoleEvent[] = [
  'start',
  'sighted',
  'granted',
  'recovered',
  'failed',
  'lost',
  'disconnected',
  'stop',
];

test('the way to active leads through the line, the grant and the recovery', () => {
  let role: Role = 'stopped';
  const way = (['start', 'sighted', 'granted', 'recovered'] as const).map((event) => {
    const next = step(role, event);
    role = next.role;
    return [next.role, ...next.effects];
  });
  expect(way).toEqual([
    ['standby', 'acquire'],
    ['acquiring'],
    ['recovering', 'recover'],
    ['active'],
  ]);
});

test('a lease lost while active cuts clients off', () => {
  expect(step('active', 'lost')).toEqual({ role: 'fenced', effects: ['disconnect'] });
  expect(step('fenced', 'disconnected')).toEqual({ role: 'standby', effects: ['acquire'] });
});

test('whatever fails before a broker is active, it gets in line again after a pause', () => {
  for (const role of ['standby', 'acquiring', 'recovering'] as const) {
    const { role: next, effects } = step(role, 'failed');
    expect([next, effects.at(-1)]).toEqual(['standby', 'acquire-later']);
  }
});

test('only recovery leads to active, and only a lost lease to fenced', () => {
  for (const role of ROLES) {
    for (const event of EVENTS.filter((each) => canHappen(role, each))) {
      const next = step(role, event).role;
      if (next === 'active') expect([role, event]).toEqual(['recovering', 'recovered']);
      if (next === 'fenced') expect(event).toBe('lost');
    }
  }
});

test('every role but stopped can be stopped, and an impossible event is a bug', () => {
  for (const role of ROLES) expect(canHappen(role, 'stop')).toBe(role !== 'stopped');
  expect(() => step('standby', 'recovered')).toThrow('possible in the present role');
});
