import type { FailoverSettings } from './failover-options.ts';
import type {
  Candidate,
  Generation,
  ReconnectEffect,
  ReconnectNews,
  ReconnectState,
  TimerName,
} from './reconnect-state.ts';

/** The state under construction, with the effects asked for so far. */
export class ReconnectDraft {
  readonly settings: FailoverSettings;
  readonly now: number;
  readonly effects: ReconnectEffect[] = [];
  state: ReconnectState;

  constructor(settings: FailoverSettings, state: ReconnectState, now: number) {
    this.settings = settings;
    this.state = state;
    this.now = now;
  }

  set(changes: Partial<ReconnectState>): void {
    this.state = { ...this.state, ...changes };
  }

  is(phase: ReconnectState['phase']): boolean {
    return this.state.phase === phase;
  }

  put(generation: Generation, candidate: Candidate): void {
    this.set({ candidates: new Map(this.state.candidates).set(generation, candidate) });
  }

  remove(generation: Generation): void {
    const candidates = new Map(this.state.candidates);
    candidates.delete(generation);
    this.set({ candidates });
  }

  emit(effect: ReconnectEffect): void {
    this.effects.push(effect);
  }

  tell(news: ReconnectNews): void {
    this.emit({ type: 'tell', news });
  }

  dial(uri: string, purpose: Candidate['purpose']): void {
    const generation = this.state.nextGeneration;
    this.set({ nextGeneration: generation + 1 });
    this.put(generation, { uri, purpose, stage: 'dialling' });
    this.emit({ type: 'dial', generation, uri });
  }

  drop(generation: Generation, isOrderly: boolean): void {
    this.remove(generation);
    this.emit({ type: 'drop', generation, isOrderly });
  }

  token(name: TimerName | 'members'): number {
    const token = this.state.nextToken;
    this.set({ nextToken: token + 1, tokens: { ...this.state.tokens, [name]: token } });
    return token;
  }

  wait(timer: TimerName, delayMs: number): void {
    this.emit({ type: 'wait', timer, token: this.token(timer), delayMs });
  }

  /** mulberry32: small, and good enough to spread clients out. */
  random(): number {
    const seed = (this.state.seed + 0x6d2b79f5) | 0;
    this.set({ seed });
    let mixed = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  }
}
