/** The parts of a V8 `.cpuprofile` that tell where time goes. */
export interface CpuProfile {
  readonly nodes: readonly {
    readonly id: number;
    readonly callFrame: {
      readonly functionName: string;
      readonly url: string;
      readonly lineNumber: number;
    };
  }[];
  /** The node that was on top of the stack, per sample. */
  readonly samples: readonly number[];
  /** Microseconds since the sample before. */
  readonly timeDeltas: readonly number[];
}

export interface SelfTime {
  /** `function file:line`, or the engine's own `(garbage collector)` and the like. */
  readonly name: string;
  /** Of the time that the thread was not idle. */
  readonly share: number;
}

/** The functions with the most time of their own, without what they called. */
export function topSelfTimes(profile: CpuProfile, count: number): readonly SelfTime[] {
  const names = new Map(
    profile.nodes.map(({ id, callFrame: { functionName, url, lineNumber } }) => {
      const place = url.split('/').slice(-3).join('/');
      const name = functionName === '' ? '(anonymous)' : functionName;
      return [id, place === '' ? name : `${name} ${place}:${lineNumber + 1}`];
    }),
  );
  const micros = new Map<string, number>();
  let busy = 0;
  profile.samples.forEach((id, index) => {
    const name = names.get(id) ?? '(unknown)';
    if (name === '(idle)') return;
    // A sample stands for the time until the next one.
    const delta = profile.timeDeltas[index + 1] ?? 0;
    busy += delta;
    micros.set(name, (micros.get(name) ?? 0) + delta);
  });
  return [...micros]
    .sort(([, a], [, b]) => b - a)
    .slice(0, count)
    .map(([name, self]) => ({ name, share: self / busy }));
}
