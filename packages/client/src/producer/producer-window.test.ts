import { expect, test } from 'vitest';
import { ProducerWindow } from './producer-window.ts';

function entering(window: ProducerWindow): {
  entered: string[];
  send: (name: string, bytes: number) => boolean;
} {
  const entered: string[] = [];
  return {
    entered,
    send: (name, bytes) =>
      window.enter(bytes, () => {
        entered.push(name);
        window.settled(bytes, true);
      }),
  };
}

test('lets in what fits until the broker has accepted some of it', () => {
  const window = new ProducerWindow({ bytesMax: 100, lineMax: 10 });
  const { entered, send } = entering(window);
  for (const name of ['a', 'b', 'c']) send(name, 50);
  expect([entered, window.hasRoom]).toEqual([['a', 'b'], false]);
  window.accepted(50);
  expect(entered).toEqual(['a', 'b', 'c']);
});

test('what is answered waits for its turn and takes no room', () => {
  const window = new ProducerWindow({ bytesMax: 100, lineMax: 10 });
  const { entered, send } = entering(window);
  send('first', 90);
  send('too much', 20);
  send('answered', 0);
  send('small', 5);
  expect(entered).toEqual(['first']);
  window.accepted(90);
  expect(entered).toEqual(['first', 'too much', 'answered', 'small']);
});

test('a message larger than the window goes through alone', () => {
  const window = new ProducerWindow({ bytesMax: 100, lineMax: 10 });
  const { entered, send } = entering(window);
  for (const name of ['large', 'next']) send(name, 1_000);
  expect(entered).toEqual(['large']);
  window.accepted(1_000);
  expect(entered).toEqual(['large', 'next']);
});

test('a broker that accepts more than it has gives no room for more than the window', () => {
  const window = new ProducerWindow({ bytesMax: 100, lineMax: 10 });
  const { entered, send } = entering(window);
  send('a', 60);
  window.accepted(1_000);
  for (const name of ['b', 'c']) send(name, 60);
  expect(entered).toEqual(['a', 'b']);
});

test('an interruption empties it, and lets in what waited', () => {
  const window = new ProducerWindow({ bytesMax: 100, lineMax: 10 });
  const { entered, send } = entering(window);
  for (const name of ['a', 'b', 'c']) send(name, 60);
  window.interrupted();
  expect(entered).toEqual(['a', 'b']);
});

test('refuses what would make the line longer than allowed', () => {
  const window = new ProducerWindow({ bytesMax: 10, lineMax: 1 });
  const { send } = entering(window);
  expect(['a', 'b', 'c'].map((name) => send(name, 10))).toEqual([true, true, false]);
});
