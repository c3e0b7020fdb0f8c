/** A version of the protocol, as `CONNECTED` names it. */
export type StompVersion = '1.0' | '1.1' | '1.2';

/** What the versions disagree about on the level of bytes. */
export interface VersionRules {
  /** Escape sequences of headers: the letter after the backslash, and the byte it stands for. */
  readonly escapes: ReadonlyMap<number, number>;
  /** Lines may end with CR LF. */
  readonly isCarriageReturnDropped: boolean;
  /** Blanks around the values of headers mean nothing. */
  readonly areValuesTrimmed: boolean;
}

const LETTER = { backslash: 92, c: 99, n: 110, r: 114 } as const;
const MEANING = { backslash: 92, colon: 58, lineFeed: 10, carriageReturn: 13 } as const;

const ESCAPES_1_1: ReadonlyMap<number, number> = new Map([
  [LETTER.backslash, MEANING.backslash],
  [LETTER.c, MEANING.colon],
  [LETTER.n, MEANING.lineFeed],
]);

/** Before a `CONNECT` has said which version is spoken; its headers are never escaped. */
export const RULES_BEFORE_LOGIN: VersionRules = {
  escapes: new Map(),
  isCarriageReturnDropped: true,
  areValuesTrimmed: false,
};

export const RULES: Readonly<Record<StompVersion, VersionRules>> = {
  '1.0': { escapes: new Map(), isCarriageReturnDropped: true, areValuesTrimmed: true },
  '1.1': { escapes: ESCAPES_1_1, isCarriageReturnDropped: false, areValuesTrimmed: false },
  '1.2': {
    escapes: new Map([...ESCAPES_1_1, [LETTER.r, MEANING.carriageReturn]]),
    isCarriageReturnDropped: true,
    areValuesTrimmed: false,
  },
};

/** The versions spoken here, best first. */
const VERSIONS: readonly StompVersion[] = ['1.2', '1.1', '1.0'];

export const VERSION_LIST = [...VERSIONS].reverse().join(',');

/** The best version of a list such as `1.0,1.2`; without a list it is 1.0. Undefined if none is spoken here. */
export function agreeVersion(accepted: string | undefined): StompVersion | undefined {
  if (accepted === undefined) return '1.0';
  const offered = new Set(accepted.split(',').map((text) => text.trim()));
  return VERSIONS.find((version) => offered.has(version));
}
