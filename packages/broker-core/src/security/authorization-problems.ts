import { fields, here, isMapping, within, type Problem, type Shape } from '../policy/shape.ts';

const names: Shape = (value) =>
  Array.isArray(value) && value.every((name) => typeof name === 'string' && name.trim() !== '')
    ? []
    : here(`must be a list of groups, not ${JSON.stringify(value)}`);

const pattern: Shape = (value) =>
  typeof value === 'string' && value.trim() !== '' && !value.includes(',')
    ? []
    : here(`must be one name or pattern, not ${JSON.stringify(value)}`);

const PERMISSIONS = { read: names, write: names, admin: names };

const permissions = fields(PERMISSIONS);
const entry = fields({ queue: pattern, topic: pattern, ...PERMISSIONS });

/** Everything that is wrong with a list of authorization entries; `path` begins with the place of the entry. */
export function* entriesProblems(entries: unknown): Generator<Problem> {
  if (!Array.isArray(entries)) {
    yield* here('must be a list, each entry with a queue or a topic');
    return;
  }
  for (const [index, each] of (entries as readonly unknown[]).entries()) {
    yield* within(index, entry(each));
    if (isMapping(each) && (each['queue'] === undefined) === (each['topic'] === undefined)) {
      yield { path: [index], message: 'must name either a queue or a topic it is for' };
    }
  }
}

/** Everything that is wrong with what `AuthorizationOptions` should be. */
export const authorizationProblems: Shape = fields(
  { entries: entriesProblems, tempDestinations: permissions },
  ['entries'],
);
