/** Something wrong in a value, and where in it. */
export interface Problem {
  readonly path: readonly (string | number)[];
  readonly message: string;
}

/** Says everything that is wrong with a value. */
export type Shape = (value: unknown) => Iterable<Problem>;

export function here(message: string): readonly Problem[] {
  return [{ path: [], message }];
}

/** The problems of a part, as problems of the whole. */
export function* within(
  step: string | number,
  problems: Iterable<Problem>,
): Generator<Problem, void> {
  for (const { path, message } of problems) yield { path: [step, ...path], message };
}

export const flag: Shape = (value) =>
  typeof value === 'boolean' ? [] : here(`must be true or false, not ${shown(value)}`);

export const text: Shape = (value) =>
  typeof value === 'string' ? [] : here(`must be text, not ${shown(value)}`);

export const name: Shape = (value) =>
  typeof value === 'string' && value !== ''
    ? []
    : here(`must be text that is not empty, not ${shown(value)}`);

/** What destinations are named by: a name, or a pattern with `*` and a final `>`. */
export const pattern: Shape = (value) => {
  if (typeof value !== 'string' || value === '') {
    return here('must be the name of a destination, or a pattern with * or >');
  }
  if (value.includes(',')) return here('must be one name or pattern; write an entry for each');
  return value.split('.').slice(0, -1).includes('>')
    ? here('may have > as its last level only')
    : [];
};

/** A whole number from `least` up. */
export function whole(least: number): Shape {
  return (value) =>
    Number.isSafeInteger(value) && (value as number) >= least
      ? []
      : here(`must be a whole number from ${least} up, not ${shown(value)}`);
}

/** A number, not only a whole one. */
export function between(least: number, greatest: number): Shape {
  return (value) =>
    typeof value === 'number' && value >= least && value <= greatest
      ? []
      : here(`must be a number from ${least} to ${greatest}, not ${shown(value)}`);
}

export function listOf(shape: Shape, least: number): Shape {
  return function* (value): Generator<Problem> {
    if (!Array.isArray(value) || value.length < least) {
      yield* here(least > 0 ? 'must be a list that is not empty' : 'must be a list');
      return;
    }
    for (const [index, each] of (value as readonly unknown[]).entries()) {
      yield* within(index, shape(each));
    }
  };
}

/** Named values; those not in `required` may be missing, others than these are refused. */
export function fields(
  shapes: Readonly<Record<string, Shape>>,
  required: readonly string[] = [],
): Shape {
  return function* (value) {
    if (!isMapping(value)) {
      yield* here(`must be options, each as name: value, not ${shown(value)}`);
      return;
    }
    for (const [key, each] of Object.entries(value)) {
      const shape = Object.hasOwn(shapes, key) ? shapes[key] : undefined;
      if (shape === undefined) yield { path: [key], message: `is unknown; ${knownIn(shapes)}` };
      else if (each !== undefined) yield* within(key, shape(each));
    }
    for (const key of required) {
      if (value[key] === undefined) yield { path: [key], message: 'is missing' };
    }
  };
}

/** One of several kinds of {@link fields}, told apart by `type`. */
export function typed(kinds: Readonly<Record<string, Shape>>): Shape {
  return (value) => {
    if (!isMapping(value)) return here(`must be options with a "type", not ${shown(value)}`);
    const { type, ...rest } = value;
    const kind = typeof type === 'string' && Object.hasOwn(kinds, type) ? kinds[type] : undefined;
    if (kind === undefined) {
      const allowed = Object.keys(kinds).join(', ');
      return [{ path: ['type'], message: `must be one of ${allowed}, not ${shown(type)}` }];
    }
    return kind(rest);
  };
}

export function isMapping(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** `[2].memoryLimit must be …`, one after another. */
export function describeProblems(problems: readonly Problem[]): string {
  return problems.map(({ path, message }) => `${pathText(path)} ${message}`).join('; ');
}

function pathText(path: Problem['path']): string {
  return path.map((step) => (typeof step === 'number' ? `[${step}]` : `.${step}`)).join('');
}

function knownIn(shapes: object): string {
  return `these are known: ${Object.keys(shapes).join(', ')}`;
}

function shown(value: unknown): string {
  return value === undefined ? 'nothing' : JSON.stringify(value);
}
