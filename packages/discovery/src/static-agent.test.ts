import { silentLogger, type Clock } from '@batonmq/runtime';
import { expect, test } from 'vitest';
import type { DiscoveryAgent, DiscoveryPlugin, MemberList } from './agent.ts';
import { parseBrokerUri } from './broker-uri.ts';
import { discover } from './discover.ts';

/** A clock that moves when told to. */
class HandClock implements Clock {
  #now = 0;
  readonly #timers = new Set<{ at: number; fire: () => void }>();
  now(): number {
    return this.#now;
  }
  wallTime(): number {
    return this.#now;
  }
  setTimer(delayMs: number, fire: () => void): () => void {
    const timer = { at: this.#now + delayMs, fire };
    this.#timers.add(timer);
    return () => this.#timers.delete(timer);
  }
  setImmediate(run: () => void): void {
    run();
  }
  advance(ms: number): void {
    this.#now += ms;
    for (const timer of [...this.#timers]) {
      if (timer.at > this.#now) continue;
      this.#timers.delete(timer);
      timer.fire();
    }
  }
  get waiting(): number {
    return this.#timers.size;
  }
}

function agentOf(text: string): { agent: DiscoveryAgent; clock: HandClock; lists: MemberList[] } {
  const clock = new HandClock();
  const agent = discover(parseBrokerUri(text), { clock, logger: silentLogger });
  const lists: MemberList[] = [];
  agent.watch((list) => lists.push(list));
  return { agent, clock, lists };
}

test('static: lists its brokers once each, in no order', () => {
  expect(agentOf('static:(tcp://a:1,tcp://b:2,tcp://a:1)').agent.current()).toEqual({
    version: 1,
    uris: ['tcp://a:1', 'tcp://b:2'],
    isOrdered: false,
  });
});

test('simple: is another name of static:', () => {
  expect(agentOf('simple:tcp://a:1').agent.current().uris).toEqual(['tcp://a:1']);
});

test('masterslave: keeps the order and needs two brokers', () => {
  expect(agentOf('masterslave:(tcp://b:2,tcp://a:1)').agent.current()).toMatchObject({
    uris: ['tcp://b:2', 'tcp://a:1'],
    isOrdered: true,
  });
  expect(() => agentOf('masterslave:(tcp://a:1)')).toThrow(/at least two brokers/);
});

test('a broker that fails at once is out for a delay that grows with each failure', () => {
  const { agent, clock, lists } = agentOf('static:(tcp://a:1,tcp://b:2)?initialReconnectDelay=100');
  agent.reportFailure('tcp://a:1', 0);
  expect(lists.at(-1)).toMatchObject({ version: 2, uris: ['tcp://b:2'] });
  clock.advance(100);
  expect(lists.at(-1)).toMatchObject({ version: 3, uris: ['tcp://a:1', 'tcp://b:2'] });

  agent.reportFailure('tcp://a:1', 0);
  clock.advance(199);
  expect(lists.at(-1)?.uris).toEqual(['tcp://b:2']);
  clock.advance(1);
  expect(lists.at(-1)?.uris).toEqual(['tcp://a:1', 'tcp://b:2']);
});

test('the delay never exceeds maxReconnectDelay', () => {
  const { agent, clock } = agentOf(
    'static:(tcp://a:1)?initialReconnectDelay=100&maxReconnectDelay=150',
  );
  for (let failure = 0; failure < 5; failure++) {
    agent.reportFailure('tcp://a:1', 0);
    clock.advance(150);
    expect(agent.current().uris).toEqual(['tcp://a:1']);
  }
});

test('a connection that lasted minConnectTime starts the delays afresh', () => {
  const { agent, clock } = agentOf(
    'static:(tcp://a:1)?initialReconnectDelay=100&minConnectTime=500',
  );
  agent.reportFailure('tcp://a:1', 0);
  clock.advance(100);
  agent.reportFailure('tcp://a:1', 499);
  clock.advance(200);
  agent.reportFailure('tcp://a:1', 500);
  clock.advance(100);
  expect(agent.current().uris).toEqual(['tcp://a:1']);
});

test('after maxReconnectAttempts failures in a row a broker is given up', () => {
  const { agent, clock } = agentOf('static:(tcp://a:1,tcp://b:2)?maxReconnectAttempts=2');
  agent.reportFailure('tcp://a:1', 0);
  clock.advance(10);
  agent.reportFailure('tcp://a:1', 0);
  clock.advance(1_000_000);
  expect(agent.current().uris).toEqual(['tcp://b:2']);
});

test('a closed agent tells nothing and leaves no timer', async () => {
  const { agent, clock, lists } = agentOf('static:(tcp://a:1)');
  agent.reportFailure('tcp://a:1', 0);
  await agent.close();
  expect(clock.waiting).toBe(0);
  expect(lists).toHaveLength(1);
});

test('unknown options and unknown agents are refused', () => {
  expect(() => agentOf('static:(tcp://a:1)?minConectTime=1')).toThrow(
    /did you mean "minConnectTime"/,
  );
  expect(() => agentOf('statik:(tcp://a:1)')).toThrow(/did you mean "static:"/);
});

test("an agent of somebody else's package answers to its scheme", () => {
  const mine: DiscoveryPlugin = {
    schemes: ['registry'],
    create: (_uri, components) => discover(parseBrokerUri('static:(tcp://found:1)'), components),
  };
  const components = { clock: new HandClock(), logger: silentLogger };
  const agent = discover(parseBrokerUri('registry://example'), components, [mine]);
  expect(agent.current().uris).toEqual(['tcp://found:1']);
});
