/** One segment between two `%`: runs of text, and `undefined` for a `_`. */
type Segment = readonly (string | undefined)[];

/**
 * Compiles a LIKE pattern: `%` is any run of characters, `_` one, `escape` takes the meaning of
 * the `%`, `_` or `escape` after it. The whole text must match.
 *
 * The segments between the `%` are found one after the other, each as far left as it goes, so there is
 * nothing to go back to: the time is at most the text's length times the pattern's.
 */
export function likePattern(pattern: string, escape?: string): (text: string) => boolean {
  const segments = segmentsOf(pattern, escape);
  const [first = []] = segments;
  if (segments.length === 1) {
    const [run] = first;
    if (first.length === 0) return (text) => text === '';
    if (first.length === 1 && run !== undefined) return (text) => text === run;
    return (text) => matchAt(first, text, 0) === text.length;
  }
  const middle = segments.slice(1, -1).filter((segment) => segment.length > 0);
  const last = segments.at(-1) ?? [];
  const lastFromItsEnd = last.toReversed();
  return (text) => {
    let position = matchAt(first, text, 0);
    for (const segment of middle) {
      if (position < 0) return false;
      position = find(segment, text, position);
    }
    if (position < 0) return false;
    const start = startOfLast(lastFromItsEnd, text);
    return start >= position && matchAt(last, text, start) === text.length;
  };
}

function segmentsOf(pattern: string, escape: string | undefined): readonly Segment[] {
  const segments: (string | undefined)[][] = [[]];
  let run = '';
  const endRun = (): void => {
    if (run !== '') segments.at(-1)?.push(run);
    run = '';
  };
  for (let index = 0; index < pattern.length; index++) {
    const unit = pattern.charAt(index);
    const next = pattern.charAt(index + 1);
    if (unit === escape && (next === '%' || next === '_' || next === escape)) {
      run += next;
      index += 1;
    } else if (unit === '%') {
      endRun();
      segments.push([]);
    } else if (unit === '_') {
      endRun();
      segments.at(-1)?.push(undefined);
    } else {
      run += unit;
    }
  }
  endRun();
  return segments;
}

/** Where the segment ends if it begins at `position`, or −1. */
function matchAt(segment: Segment, text: string, position: number): number {
  let end = position;
  for (const run of segment) {
    if (run === undefined) {
      if (end >= text.length) return -1;
      end += unitsAt(text, end);
    } else {
      if (!text.startsWith(run, end)) return -1;
      end += run.length;
    }
  }
  return end;
}

/** Where the segment ends if it begins as far left as possible, or −1. */
function find(segment: Segment, text: string, from: number): number {
  const [run] = segment;
  let start = from;
  while (start <= text.length) {
    if (run !== undefined) start = text.indexOf(run, start);
    if (start < 0) return -1;
    const end = matchAt(segment, text, start);
    if (end >= 0) return end;
    start += unitsAt(text, start);
  }
  return -1;
}

/** Where a segment, given from its end, has to begin to end with the text; negative if the text is too short. */
function startOfLast(fromItsEnd: Segment, text: string): number {
  let start = text.length;
  for (const run of fromItsEnd) {
    start -= run === undefined ? unitsBefore(text, start) : run.length;
  }
  return start;
}

/** A character beyond the basic plane is two units. */
function unitsAt(text: string, position: number): number {
  return (text.codePointAt(position) ?? 0) > 0xffff ? 2 : 1;
}

function unitsBefore(text: string, position: number): number {
  return position >= 2 && unitsAt(text, position - 2) === 2 ? 2 : 1;
}
