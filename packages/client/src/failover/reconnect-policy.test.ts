import { parseBrokerUri, resolveUriOptions } from '@batonmq/discovery';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { FAILOVER_OPTIONS } from './failover-options.ts';
import { initialReconnectState, stepReconnect } from './reconnect-policy.ts';
import type { ReconnectEffect, ReconnectEvent, ReconnectState } from './reconnect-state.ts';

type Happening = ReconnectEvent extends infer E
  ? E extends unknown
    ? Omit<E, 'now'>
    : never
  : never;

const A = 'tcp://a:1';
const B = 'tcp://b:2';
const C = 'tcp://c:3';
const REFUSED = new Error('connection refused');

/** The policy with a hand-moved clock, and what it asked for last. */
class Driver {
  readonly settings;
  state: ReconnectState;
  now = 0;
  last: readonly ReconnectEffect[] = [];

  constructor(query = 'randomize=false', uris: readonly string[] = [A, B]) {
    const { query: options } = parseBrokerUri(`failover:()?${query}`);
    this.settings = resolveUriOptions(FAILOVER_OPTIONS, options, 'failover:');
    this.state = initialReconnectState(this.settings, uris, 7);
  }

  do(event: Happening): this {
    const step = stepReconnect(this.settings, this.state, { ...event, now: this.now });
    this.state = step.state;
    this.last = step.effects;
    return this;
  }

  /** Lets a timer of the given name that was asked for last go off. */
  fire(timer: 'pass' | 'overlap' | 'tend'): this {
    return this.do({ type: 'timer', timer, token: this.state.tokens[timer] });
  }

  /** The effects as short words: `dial a`, `wait pass`, `tell interrupted`. */
  get said(): string[] {
    return this.last.map((effect) => {
      if (effect.type === 'dial') return `dial ${effect.uri.slice(6, 7)}`;
      if (effect.type === 'drop')
        return `drop ${effect.generation}${effect.isOrderly ? ' in order' : ''}`;
      if (effect.type === 'restore') return `restore ${effect.generation}`;
      if (effect.type === 'wait') return `wait ${effect.timer}`;
      if (effect.type === 'tell') return `tell ${effect.news.type}`;
      return effect.type;
    });
  }

  delayOf(timer: string): number {
    for (const effect of this.last) {
      if (effect.type === 'wait' && effect.timer === timer) return effect.delayMs;
    }
    throw new Error(`no wait for ${timer}`);
  }

  /** Fails whatever is being dialled until the pass is over. */
  failPass(): this {
    while (this.state.phase === 'dialling') {
      const [generation] = [...this.state.candidates].find(
        ([, one]) => one.stage === 'dialling',
      ) ?? [0];
      this.do({ type: 'lost', generation, error: REFUSED });
    }
    return this;
  }

  connect(): this {
    this.do({ type: 'start' });
    this.do({ type: 'ready', generation: 1 });
    return this.do({ type: 'restored', generation: 1 });
  }
}

describe('the first connection', () => {
  test('dials without a wait, restores what is ready first, then tells', () => {
    const driver = new Driver();
    expect(driver.do({ type: 'start' }).said).toEqual(['dial a', 'wait overlap']);
    expect(driver.do({ type: 'ready', generation: 1 }).said).toEqual(['restore 1']);
    expect(driver.do({ type: 'restored', generation: 1 }).said).toEqual(['tell connected']);
    expect(driver.state.phase).toBe('connected');
  });

  test('a refused dial leads to the next candidate at once', () => {
    const driver = new Driver().do({ type: 'start' });
    expect(driver.do({ type: 'lost', generation: 1, error: REFUSED }).said).toEqual(['dial b']);
  });

  test('a silent candidate is overtaken by the next one, and dropped when that is ready', () => {
    const driver = new Driver().do({ type: 'start' });
    expect(driver.fire('overlap').said).toEqual(['dial b']);
    expect(driver.do({ type: 'ready', generation: 2 }).said).toEqual(['drop 1', 'restore 2']);
  });

  test('fails after startupMaxReconnectAttempts passes', () => {
    const driver = new Driver('startupMaxReconnectAttempts=2').do({ type: 'start' }).failPass();
    expect(driver.state.phase).toBe('waiting');
    driver.fire('pass').failPass();
    expect(driver.said).toEqual(['tell failed']);
    expect(driver.state.phase).toBe('failed');
  });

  test('a log-in that is refused is not tried again', () => {
    const driver = new Driver().do({ type: 'start' }).do({ type: 'ready', generation: 1 });
    driver.do({ type: 'refused', generation: 1, error: new Error('password') });
    expect(driver.said).toEqual(['drop 1', 'tell failed']);
  });
});

describe('after a loss', () => {
  test('the owner is told before anything is dialled, and the lost broker is tried last', () => {
    const driver = new Driver().connect();
    driver.do({ type: 'lost', generation: 1, error: REFUSED });
    expect(driver.said).toEqual(['tell interrupted', 'wait pass', 'tell connecting']);
    expect(driver.delayOf('pass')).toBeLessThanOrEqual(10);
    expect(driver.fire('pass').said).toEqual(['dial b', 'wait overlap']);
  });

  test('a candidate that fails to be restored counts as one that failed to answer', () => {
    const driver = new Driver()
      .connect()
      .do({ type: 'lost', generation: 1, error: REFUSED })
      .fire('pass');
    driver.do({ type: 'ready', generation: 2 });
    expect(driver.do({ type: 'lost', generation: 2, error: REFUSED }).said).toEqual(['dial a']);
  });

  test('with maxReconnectAttempts=0 there is no second connection', () => {
    const driver = new Driver('maxReconnectAttempts=0').connect();
    driver.do({ type: 'lost', generation: 1, error: REFUSED });
    expect(driver.said).toEqual(['tell interrupted', 'tell failed']);
  });

  test('events of a dropped or unknown generation change nothing', () => {
    const driver = new Driver()
      .do({ type: 'start' })
      .fire('overlap')
      .do({ type: 'ready', generation: 2 });
    const before = driver.state;
    for (const generation of [1, 99]) {
      driver.do({ type: 'ready', generation });
      driver.do({ type: 'restored', generation });
      driver.do({ type: 'lost', generation, error: REFUSED });
    }
    expect(driver.state).toEqual(before);
  });

  test('a timer of an earlier wait changes nothing', () => {
    const driver = new Driver().connect().do({ type: 'lost', generation: 1, error: REFUSED });
    const { pass } = driver.state.tokens;
    driver.fire('pass').failPass();
    expect(driver.do({ type: 'timer', timer: 'pass', token: pass }).said).toEqual([]);
  });
});

describe('the back-off', () => {
  /** The longest possible wait before each pass: jitter takes off at most half. */
  function ceilings(driver: Driver, passes: number): number[] {
    return Array.from({ length: passes }, () => {
      const before = driver.state.delayMs;
      driver.fire('pass').failPass();
      expect(driver.delayOf('pass')).toBeGreaterThanOrEqual(before / 2);
      expect(driver.delayOf('pass')).toBeLessThanOrEqual(before);
      return before;
    });
  }

  test('grows by the exponent after each pass, up to maxReconnectDelay', () => {
    const driver = new Driver('maxReconnectDelay=50').do({ type: 'start' }).failPass();
    expect(ceilings(driver, 5)).toEqual([20, 40, 50, 50, 50]);
  });

  test('does not grow without useExponentialBackOff', () => {
    const driver = new Driver('useExponentialBackOff=false').do({ type: 'start' }).failPass();
    expect(ceilings(driver, 3)).toEqual([10, 10, 10]);
  });

  test('stays small while a takeover may still be under way, then grows', () => {
    const driver = new Driver('eagerReconnectTime=1000&eagerReconnectDelay=20').connect();
    driver.do({ type: 'lost', generation: 1, error: REFUSED });
    driver.now = 999;
    expect(ceilings(driver, 4)).toEqual([20, 20, 20, 20]);
    driver.now = 1000;
    expect(ceilings(driver, 3)).toEqual([20, 40, 80]);
  });

  test('starts afresh when a connection works again', () => {
    const driver = new Driver('eagerReconnectTime=0')
      .connect()
      .do({ type: 'lost', generation: 1, error: REFUSED });
    ceilings(driver, 6);
    driver.fire('pass');
    const generation = driver.state.nextGeneration - 1;
    driver.do({ type: 'ready', generation }).do({ type: 'restored', generation });
    driver.do({ type: 'lost', generation, error: REFUSED });
    expect(driver.delayOf('pass')).toBeLessThanOrEqual(10);
  });

  test('a change of the members ends the wait', () => {
    const driver = new Driver().do({ type: 'start' }).failPass();
    driver.do({ type: 'members', uris: [C], isRebalance: false, source: 'agent' });
    expect(driver.said).toEqual(['dial c', 'wait overlap']);
    expect(driver.state.delayMs).toBe(10);
  });

  test('warns on the first failed pass and then on each n-th', () => {
    const driver = new Driver('warnAfterReconnectAttempts=3').do({ type: 'start' }).failPass();
    const warned = [driver.said.includes('warn')];
    for (let pass = 0; pass < 5; pass++)
      warned.push(driver.fire('pass').failPass().said.includes('warn'));
    expect(warned).toEqual([true, false, true, false, false, true]);
  });
});

describe('make before break', () => {
  test('priorityBackup dials the priority broker beside the other and moves when it is ready', () => {
    const driver = new Driver('randomize=false&priorityBackup=true').do({ type: 'start' });
    driver.do({ type: 'lost', generation: 1, error: REFUSED }).do({ type: 'ready', generation: 2 });
    expect(driver.do({ type: 'restored', generation: 2 }).said).toEqual([
      'tell connected',
      'dial a',
    ]);
    expect(driver.do({ type: 'lost', generation: 3, error: REFUSED }).said).toEqual(['wait tend']);
    expect(driver.state.phase).toBe('connected');
    expect(driver.fire('tend').said).toEqual(['dial a']);
    expect(driver.do({ type: 'ready', generation: 4 }).said).toEqual([
      'tell interrupted',
      'drop 2 in order',
      'restore 4',
    ]);
    expect(driver.do({ type: 'restored', generation: 4 }).said).toEqual(['tell connected']);
  });

  test('a rebalance to the broker already in use does nothing', () => {
    const driver = new Driver().connect();
    driver.do({ type: 'members', uris: [`${A}?x=1`, B], isRebalance: true, source: 'broker' });
    expect(driver.said).toEqual([]);
  });

  test('a rebalance dials first and keeps the connection if that fails', () => {
    const driver = new Driver().connect();
    driver.do({ type: 'members', uris: [C, A], isRebalance: true, source: 'broker' });
    expect(driver.said).toEqual(['dial c']);
    expect(driver.do({ type: 'lost', generation: 2, error: REFUSED }).said).toEqual([]);
    expect(driver.state.phase).toBe('connected');
  });

  test('a redirect never erases the seed list', () => {
    const driver = new Driver().connect().do({ type: 'redirect', uri: C });
    expect(driver.said).toEqual(['dial c']);
    driver.do({ type: 'ready', generation: 2 }).do({ type: 'restored', generation: 2 });
    driver.do({ type: 'lost', generation: 2, error: REFUSED }).fire('pass');
    expect(driver.said).toEqual(['dial a', 'wait overlap']);
  });

  test('with backup a spare is held and used without a wait', () => {
    const driver = new Driver('randomize=false&backup=true').connect();
    expect(driver.said).toEqual(['tell connected', 'dial b']);
    driver.do({ type: 'ready', generation: 2 });
    expect(driver.do({ type: 'lost', generation: 1, error: REFUSED }).said).toEqual([
      'tell interrupted',
      'restore 2',
    ]);
  });

  test('no more spares than backupPoolSize are held', () => {
    const uris = [A, B, C, 'tcp://d:4'];
    const driver = new Driver('randomize=false&backup=true&backupPoolSize=2', uris).connect();
    expect(driver.said).toEqual(['tell connected', 'dial b', 'dial c']);
  });
});

describe('members', () => {
  test('learned ones come before the own ones and remove none', () => {
    const driver = new Driver().connect();
    driver.do({ type: 'members', uris: [C], isRebalance: false, source: 'broker' });
    driver.do({ type: 'lost', generation: 1, error: REFUSED }).fire('pass');
    const order = [driver.said[0]];
    while (driver.state.untried.length > 0) order.push(driver.fire('overlap').said[0]);
    expect(order).toEqual(['dial c', 'dial b', 'dial a']);
  });

  test('an empty list says nothing', () => {
    const driver = new Driver().connect();
    driver.do({ type: 'members', uris: [C], isRebalance: false, source: 'broker' });
    driver.do({ type: 'members', uris: [], isRebalance: false, source: 'broker' });
    expect(driver.state.learnedUris).toEqual([C]);
  });

  test.each([
    [
      'updateURIsSupported=false',
      { type: 'members', uris: [C], isRebalance: true, source: 'broker' },
    ],
    ['reconnectSupported=false', { type: 'redirect', uri: C }],
  ] as const)('%s ignores what brokers say', (query, event) => {
    const driver = new Driver(`randomize=false&${query}`).connect().do(event);
    expect(driver.said).toEqual([]);
    expect(driver.state.learnedUris).toEqual([]);
  });

  test('updateURIsURL is read at the start of every pass', () => {
    const driver = new Driver('randomize=false&updateURIsURL=file:members', []).do({
      type: 'start',
    });
    expect(driver.said).toEqual(['read-members']);
    driver.do({ type: 'members-read', token: driver.state.tokens.members, uris: [C] });
    expect(driver.said).toEqual(['dial c']);
    driver.failPass().fire('pass');
    expect(driver.said).toEqual(['read-members']);
    driver.do({ type: 'members-read', token: driver.state.tokens.members, uris: undefined });
    expect(driver.said).toEqual(['dial c']);
  });
});

test('close drops every candidate, and nothing happens after it', () => {
  const driver = new Driver('backup=true').connect().do({ type: 'close' });
  expect(driver.said).toEqual(['drop 1 in order', 'drop 2']);
  expect(driver.do({ type: 'ready', generation: 2 }).said).toEqual([]);
});

test('whatever happens in whatever order, one connection at most is in use and none is left behind', () => {
  const generation = fc.integer({ min: 1, max: 12 });
  const happening: fc.Arbitrary<Happening> = fc.oneof(
    generation.map((one) => ({ type: 'ready' as const, generation: one })),
    generation.map((one) => ({ type: 'restored' as const, generation: one })),
    generation.map((one) => ({ type: 'lost' as const, generation: one, error: REFUSED })),
    fc
      .tuple(fc.constantFrom('pass' as const, 'overlap' as const, 'tend' as const), fc.nat(12))
      .map(([timer, token]) => ({ type: 'timer' as const, timer, token })),
    fc.constantFrom<Happening>(
      { type: 'redirect', uri: C },
      { type: 'members', uris: [B, C], isRebalance: true, source: 'broker' },
    ),
  );
  const query = fc.constantFrom('', 'backup=true', 'priorityBackup=true', 'maxReconnectAttempts=3');
  fc.assert(
    fc.property(query, fc.array(happening, { maxLength: 60 }), (options, happenings) => {
      const driver = new Driver(options).do({ type: 'start' });
      const open = new Set<number>();
      const track = (): void => {
        for (const effect of driver.last) {
          if (effect.type === 'dial') open.add(effect.generation);
          else if (effect.type === 'drop') open.delete(effect.generation);
        }
        const { phase, candidates } = driver.state;
        const used = [...candidates.values()].filter(
          ({ stage }) => stage === 'current' || stage === 'restoring',
        );
        expect(used).toHaveLength(phase === 'connected' || phase === 'restoring' ? 1 : 0);
        expect([...open].sort()).toEqual([...candidates.keys()].sort());
        // The machine never stops: something is under way that will bring another event.
        if (phase === 'dialling') expect(candidates.size).toBeGreaterThan(0);
      };
      track();
      for (const event of happenings) {
        if (event.type === 'lost') open.delete(event.generation);
        driver.do(event);
        track();
      }
    }),
  );
});
