/** The order in which brokers are tried. Pure. */

export interface CandidateOrder {
  /** From brokers, files and agents. */
  readonly learned: readonly string[];
  /** From the user's URI. */
  readonly own: readonly string[];
  /** The one that failed just now; it is tried last. */
  readonly last: string | undefined;
  /** Tried before all others, in this order, if they are among them or not. */
  readonly first: readonly string[];
  /** Numbers in [0, 1) for shuffling; without it the order is kept. */
  readonly random: (() => number) | undefined;
}

/**
 * Every known URI once: `first`, then the others (learned before own, shuffled if asked for), then
 * the one that failed last.
 */
export function orderCandidates({ learned, own, last, first, random }: CandidateOrder): string[] {
  const others = unique([...learned, ...own]).filter((uri) => !includes(first, uri));
  const ordered = [...unique(first), ...(random === undefined ? others : shuffle(others, random))];
  if (last === undefined || !includes(ordered, last)) return ordered;
  const isLast = (uri: string): boolean => sameEndpoint(uri, last);
  return [...ordered.filter((uri) => !isLast(uri)), ...ordered.filter(isLast)];
}

/**
 * True if two URIs name the same endpoint as text: scheme, host and port, whatever their options.
 * Names are not looked up: an address that resolves to the same machine today may not tomorrow.
 */
export function sameEndpoint(a: string, b: string): boolean {
  return endpoint(a) === endpoint(b);
}

function endpoint(uri: string): string {
  const [address = ''] = uri.split(/[?#]/, 1);
  return address.replace(/\/$/, '').toLowerCase();
}

function includes(uris: readonly string[], wanted: string): boolean {
  return uris.some((uri) => sameEndpoint(uri, wanted));
}

function unique(uris: readonly string[]): string[] {
  return uris.filter((uri, index) => !includes(uris.slice(0, index), uri));
}

/** Fisher and Yates: every order equally likely. */
function shuffle(uris: readonly string[], random: () => number): string[] {
  const shuffled = [...uris];
  for (let end = shuffled.length - 1; end > 0; end--) {
    const chosen = Math.floor(random() * (end + 1));
    const [a, b] = [shuffled[end], shuffled[chosen]];
    if (a !== undefined && b !== undefined) [shuffled[end], shuffled[chosen]] = [b, a];
  }
  return shuffled;
}
