/**
 * Decides which broker a connection uses and when it tries which. Pure: no sockets, clock or
 * randomness; `failover-link.ts` performs the effects and reports what happened as events.
 *
 * ```text
 *   idle
 *    | start
 *    v      a candidate is ready               restored
 *  dialling ------------------> restoring ------------------> connected
 *    ^  |                         |   ^                        |    |
 *    |  | all failed              |   | a spare, or the        |    | lost, no spare
 *    |  v                         |   | target of a switch,    |    v
 *  waiting <----------------------+   | is ready               | waiting
 *    |  ^         lost                +------------------------+
 *    |  | delay over: back to dialling
 *    v
 *  failed  (the limit of passes is reached, or the first log-in was refused)
 *
 *  closed  from every phase, by close
 * ```
 *
 * Invariants:
 * 1. At most one candidate is `restoring` or `current`.
 * 2. Each dial has a generation of its own; an event about a generation that is not among the
 *    candidates is stale and changes nothing.
 * 3. A working connection is given up for another only when that other one is already open and
 *    negotiated (make before break).
 * 4. What brokers or files say adds to the URIs the user named and never removes one of them.
 * 5. Whatever is learned about members, and every success, starts the back-off afresh.
 */
import { assert } from '@batonmq/model';
import { orderCandidates, sameEndpoint } from './candidates.ts';
import type { FailoverSettings } from './failover-options.ts';
import { ReconnectDraft as Draft } from './reconnect-draft.ts';
import type {
  Candidate,
  Generation,
  ReconnectEvent,
  ReconnectState,
  ReconnectStep,
  TimerName,
} from './reconnect-state.ts';

/** First wait between tries for a spare or a better broker; nobody is waiting for those. */
const TEND_DELAY_MS = 500;

/** The state before `start`. `seed` makes shuffling and jitter repeatable. */
export function initialReconnectState(
  settings: FailoverSettings,
  ownUris: readonly string[],
  seed: number,
): ReconnectState {
  return {
    phase: 'idle',
    hasConnected: false,
    ownUris,
    learnedUris: [],
    candidates: new Map(),
    nextGeneration: 1,
    untried: [],
    failedPasses: 0,
    delayMs: startDelay(settings),
    tendDelayMs: TEND_DELAY_MS,
    disconnectedAt: 0,
    lastUri: undefined,
    target: undefined,
    lastError: undefined,
    tokens: { pass: 0, overlap: 0, tend: 0, members: 0 },
    nextToken: 1,
    seed,
  };
}

/** The next state and what has to be done about it. */
export function stepReconnect(
  settings: FailoverSettings,
  state: ReconnectState,
  event: ReconnectEvent,
): ReconnectStep {
  const draft = new Draft(settings, state, event.now);
  if (state.phase !== 'closed' && state.phase !== 'failed') apply(draft, event);
  return { state: draft.state, effects: draft.effects };
}

function apply(draft: Draft, event: ReconnectEvent): void {
  switch (event.type) {
    case 'start':
      assert(draft.state.phase === 'idle', 'a policy is started once');
      draft.set({ disconnectedAt: event.now });
      beginPass(draft);
      return;
    case 'ready':
      candidateReady(draft, event.generation);
      return;
    case 'restored':
      candidateRestored(draft, event.generation);
      return;
    case 'lost':
      candidateLost(draft, event.generation, event.error);
      return;
    case 'refused':
      if (!draft.state.hasConnected && draft.state.candidates.has(event.generation)) {
        draft.set({ lastError: event.error });
        giveUp(draft);
      } else candidateLost(draft, event.generation, event.error);
      return;
    case 'timer':
      if (draft.state.tokens[event.timer] === event.token) timerFired(draft, event.timer);
      return;
    case 'members-read':
      if (draft.state.tokens.members === event.token) membersRead(draft, event.uris);
      return;
    case 'members':
      membersTold(draft, event.uris, event.isRebalance, event.source);
      return;
    case 'redirect':
      if (draft.settings.reconnectSupported) moveTo(draft, event.uri);
      return;
    case 'close':
      dropAll(draft);
      draft.set({ phase: 'closed' });
      return;
  }
}

// A pass over the candidates

/** Uses a ready spare, or dials the candidates, after the member list was read again if there is one. */
function beginPass(draft: Draft): void {
  draft.set({ phase: 'dialling', untried: [] });
  if (draft.settings.updateURIsURL === '') {
    dialCandidates(draft);
    return;
  }
  draft.emit({ type: 'read-members', token: draft.token('members') });
}

function dialCandidates(draft: Draft): void {
  if (useSpare(draft)) return;
  const { state, settings } = draft;
  const priority = settings.priorityBackup ? priorityUris(draft) : [];
  const untried = orderCandidates({
    learned: state.learnedUris,
    own: state.ownUris,
    last: state.lastUri,
    first: state.target === undefined ? priority : [state.target, ...priority],
    random: settings.randomize ? () => draft.random() : undefined,
  });
  draft.set({ untried, target: undefined });
  dialNext(draft);
}

function dialNext(draft: Draft): void {
  const [uri, ...untried] = draft.state.untried;
  if (uri === undefined) {
    if (countOf(draft, 'pass') === 0) passFailed(draft);
    return;
  }
  draft.set({ untried });
  draft.dial(uri, 'pass');
  if (untried.length > 0) draft.wait('overlap', draft.settings.dialOverlap);
}

function passFailed(draft: Draft): void {
  const { settings, state } = draft;
  const failedPasses = state.failedPasses + 1;
  draft.set({ failedPasses });
  const limit = passLimit(draft);
  if (limit >= 0 && failedPasses >= limit) {
    giveUp(draft);
    return;
  }
  const warnEach = settings.warnAfterReconnectAttempts;
  if (warnEach > 0 && (failedPasses === 1 || failedPasses % warnEach === 0)) {
    draft.emit({ type: 'warn', attempts: failedPasses, error: state.lastError });
  }
  waitForNextPass(draft);
}

function passLimit(draft: Draft): number {
  const { maxReconnectAttempts, startupMaxReconnectAttempts } = draft.settings;
  const isStartup = !draft.state.hasConnected && startupMaxReconnectAttempts >= 0;
  return isStartup ? startupMaxReconnectAttempts : maxReconnectAttempts;
}

/** Jitter only ever shortens the wait, so no client waits longer than its options say. */
function waitForNextPass(draft: Draft): void {
  const { settings, state } = draft;
  const ceiling = isEager(draft) ? settings.eagerReconnectDelay : settings.maxReconnectDelay;
  const delayMs = Math.min(state.delayMs, ceiling);
  const growth = settings.useExponentialBackOff ? settings.reconnectDelayExponent : 1;
  draft.set({ phase: 'waiting', delayMs: Math.min(Math.max(delayMs, 1) * growth, ceiling) });
  const jittered = delayMs * (1 - 0.5 * draft.random());
  draft.wait('pass', jittered);
  draft.tell({
    type: 'connecting',
    attempts: state.failedPasses,
    sinceMs: draft.now - state.disconnectedAt,
    delayMs: jittered,
    error: state.lastError,
  });
}

function isEager(draft: Draft): boolean {
  const { settings, state } = draft;
  const outageMs = draft.now - state.disconnectedAt;
  return (
    state.hasConnected &&
    settings.maxReconnectAttempts < 0 &&
    outageMs < settings.eagerReconnectTime
  );
}

function giveUp(draft: Draft): void {
  const { failedPasses, lastError } = draft.state;
  dropAll(draft);
  draft.set({ phase: 'failed' });
  draft.tell({ type: 'failed', attempts: failedPasses, error: lastError });
}

// What becomes of a candidate

function candidateReady(draft: Draft, generation: Generation): void {
  const candidate = draft.state.candidates.get(generation);
  if (candidate?.stage !== 'dialling') return;
  draft.put(generation, { ...candidate, stage: 'ready' });
  const { phase } = draft.state;
  if (phase === 'dialling' || phase === 'waiting') restore(draft, generation);
  else if (phase === 'connected' && candidate.purpose === 'switch') switchTo(draft, generation);
}

function restore(draft: Draft, generation: Generation): void {
  const candidate = draft.state.candidates.get(generation);
  assert(candidate?.stage === 'ready', 'only a ready candidate is restored');
  // Should the log-in fail, the pass goes on with those that were overtaken.
  const overtaken: string[] = [];
  for (const [other, { purpose, uri }] of draft.state.candidates) {
    if (other === generation || purpose === 'spare') continue;
    if (purpose === 'pass') overtaken.push(uri);
    draft.drop(other, false);
  }
  const untried = [...draft.state.untried, ...overtaken];
  draft.put(generation, { ...candidate, stage: 'restoring' });
  draft.set({ phase: 'restoring', untried, lastUri: candidate.uri });
  draft.emit({ type: 'restore', generation });
}

function candidateRestored(draft: Draft, generation: Generation): void {
  const candidate = draft.state.candidates.get(generation);
  if (candidate?.stage !== 'restoring') return;
  const isFirst = !draft.state.hasConnected;
  draft.put(generation, { ...candidate, stage: 'current' });
  draft.set({
    phase: 'connected',
    hasConnected: true,
    untried: [],
    failedPasses: 0,
    delayMs: startDelay(draft.settings),
    tendDelayMs: TEND_DELAY_MS,
    lastError: undefined,
  });
  draft.tell({ type: 'connected', uri: candidate.uri, isFirst });
  tend(draft);
}

function candidateLost(draft: Draft, generation: Generation, error: Error): void {
  const candidate = draft.state.candidates.get(generation);
  if (candidate === undefined) return;
  draft.remove(generation);
  if (candidate.stage === 'current') {
    connectionLost(draft, candidate.uri, error);
    return;
  }
  if (candidate.stage === 'restoring' || candidate.purpose === 'pass') {
    draft.set({ lastError: error, lastUri: candidate.uri });
    if (draft.state.phase === 'restoring') draft.set({ phase: 'dialling' });
    if (draft.state.phase === 'dialling') dialNext(draft);
  } else if (draft.state.phase === 'connected') tendLater(draft);
}

function connectionLost(draft: Draft, uri: string, error: Error): void {
  const { settings } = draft;
  draft.set({
    disconnectedAt: draft.now,
    lastUri: uri,
    lastError: error,
    delayMs: startDelay(settings),
    failedPasses: 0,
  });
  draft.tell({ type: 'interrupted', uri, error });
  if (settings.maxReconnectAttempts === 0) giveUp(draft);
  else if (!useSpare(draft)) waitForNextPass(draft);
}

function useSpare(draft: Draft): boolean {
  const ready = [...draft.state.candidates].filter(([, { stage }]) => stage === 'ready');
  const best =
    ready.find(([, { uri }]) => isPriority(draft, uri)) ??
    (draft.settings.randomize ? ready[Math.floor(draft.random() * ready.length)] : ready[0]);
  if (best === undefined) return false;
  restore(draft, best[0]);
  return true;
}

// Spares, priority brokers, rebalancing

/** Dials what is missing beside a working connection: spares, or a broker it should rather be on. */
function tend(draft: Draft): void {
  const { state, settings } = draft;
  assert(state.phase === 'connected', 'only a working connection is tended');
  const current = currentUri(draft);
  if (settings.priorityBackup && !isPriority(draft, current)) {
    for (const uri of priorityUris(draft)) dialBeside(draft, uri, 'switch');
  }
  if (!settings.backup) return;
  for (const uri of orderCandidates({
    learned: state.learnedUris,
    own: state.ownUris,
    last: undefined,
    first: settings.priorityBackup ? priorityUris(draft) : [],
    random: settings.randomize ? () => draft.random() : undefined,
  })) {
    if (countOf(draft, 'spare') >= settings.backupPoolSize) return;
    dialBeside(draft, uri, 'spare');
  }
}

/** A URI in use, or being dialled beside already, is not dialled again. */
function dialBeside(draft: Draft, uri: string, purpose: 'spare' | 'switch'): void {
  const known = [...draft.state.candidates.values()].some((one) => sameEndpoint(one.uri, uri));
  if (!known) draft.dial(uri, purpose);
}

function tendLater(draft: Draft): void {
  const { settings, state } = draft;
  if (!settings.backup && !settings.priorityBackup) return;
  draft.wait('tend', state.tendDelayMs * (1 - 0.5 * draft.random()));
  const grown = state.tendDelayMs * settings.reconnectDelayExponent;
  draft.set({ tendDelayMs: Math.min(grown, Math.max(settings.maxReconnectDelay, TEND_DELAY_MS)) });
}

function switchTo(draft: Draft, generation: Generation): void {
  const current = currentGeneration(draft);
  draft.tell({ type: 'interrupted', uri: currentUri(draft), error: undefined });
  draft.drop(current, true);
  draft.set({ disconnectedAt: draft.now });
  restore(draft, generation);
}

function moveTo(draft: Draft, uri: string): void {
  const { phase, learnedUris } = draft.state;
  if (!learnedUris.some((known) => sameEndpoint(known, uri))) {
    draft.set({ learnedUris: [uri, ...learnedUris] });
  }
  if (phase === 'connected') {
    if (sameEndpoint(currentUri(draft), uri)) return;
    const spare = [...draft.state.candidates].find(
      ([, one]) => one.stage === 'ready' && sameEndpoint(one.uri, uri),
    );
    if (spare === undefined) dialBeside(draft, uri, 'switch');
    else switchTo(draft, spare[0]);
    return;
  }
  draft.set({ target: uri });
  hurry(draft);
}

// Members

function membersRead(draft: Draft, uris: readonly string[] | undefined): void {
  if (uris !== undefined && uris.length > 0) draft.set({ learnedUris: uris });
  if (draft.state.phase === 'dialling') dialCandidates(draft);
}

/** A stopping broker may push an empty list; that says nothing about the members (AMQ-4505). */
function membersTold(
  draft: Draft,
  uris: readonly string[],
  isRebalance: boolean,
  source: 'broker' | 'agent',
): void {
  const [first] = uris;
  if (first === undefined || (source === 'broker' && !draft.settings.updateURIsSupported)) return;
  const isNews = uris.join() !== draft.state.learnedUris.join();
  draft.set({ learnedUris: uris });
  if (draft.state.phase !== 'connected') {
    if (isNews) hurry(draft);
    return;
  }
  if (isRebalance && !isPriority(draft, currentUri(draft))) moveTo(draft, first);
  if (isNews) {
    draft.set({ tendDelayMs: TEND_DELAY_MS });
    if (draft.is('connected')) tend(draft);
  }
}

/** Cuts a wait short because something was learned that may make the next pass succeed. */
function hurry(draft: Draft): void {
  draft.set({ delayMs: startDelay(draft.settings) });
  if (draft.state.phase === 'waiting') beginPass(draft);
}

function timerFired(draft: Draft, timer: TimerName): void {
  const { phase } = draft.state;
  if (timer === 'pass' && phase === 'waiting') beginPass(draft);
  else if (timer === 'overlap' && phase === 'dialling' && draft.state.untried.length > 0)
    dialNext(draft);
  else if (timer === 'tend' && phase === 'connected') tend(draft);
}

// Small questions

function startDelay(settings: FailoverSettings): number {
  return settings.reconnectDelay >= 0 ? settings.reconnectDelay : settings.initialReconnectDelay;
}

function priorityUris({ settings, state }: Draft): readonly string[] {
  const named = settings.priorityURIs.split(',').map((uri) => uri.trim());
  const given = named.filter((uri) => uri !== '');
  return given.length > 0 ? given : state.ownUris.slice(0, 1);
}

function isPriority(draft: Draft, uri: string): boolean {
  return draft.settings.priorityBackup && priorityUris(draft).some((one) => sameEndpoint(one, uri));
}

function countOf(draft: Draft, purpose: Candidate['purpose']): number {
  return [...draft.state.candidates.values()].filter(
    (one) => one.purpose === purpose && one.stage !== 'current',
  ).length;
}

function currentGeneration(draft: Draft): Generation {
  const found = [...draft.state.candidates].find(([, { stage }]) => stage === 'current');
  assert(found !== undefined, 'a connected policy has a current candidate');
  return found[0];
}

function currentUri(draft: Draft): string {
  return draft.state.candidates.get(currentGeneration(draft))?.uri ?? '';
}

function dropAll(draft: Draft): void {
  for (const [generation, { stage }] of draft.state.candidates) {
    draft.drop(generation, stage === 'current');
  }
}
