/**
 * - `done`: the command has taken effect; the switch replies if a reply is wanted;
 * - `later`: a receipt replies, or the handler has replied itself.
 */
export type Outcome = 'done' | 'later';
