/**
 * The headers that frames are read by, each with a number. A header of a frame is recognised by its bytes,
 * so that the usual frame is read without making a string of any name.
 */
export const HEADER = {
  destination: 1,
  contentLength: 2,
  receipt: 3,
  transaction: 4,
  id: 5,
  ack: 6,
  subscription: 7,
  messageId: 8,
  persistent: 9,
  priority: 10,
  expires: 11,
  correlationId: 12,
  replyTo: 13,
  type: 14,
  timestamp: 15,
  acceptVersion: 16,
  host: 17,
  login: 18,
  passcode: 19,
  heartBeat: 20,
  clientId: 21,
  selector: 22,
  browser: 23,
  messageType: 24,
  transformation: 25,
  redelivered: 26,
  userId: 27,
  groupId: 28,
  groupSequence: 29,
  originalDestination: 30,
} as const;

export type Header = (typeof HEADER)[keyof typeof HEADER];

/** What a header that has no number of its own has. */
export const OTHER_HEADER = 0;

export const HEADER_COUNT = 31;

const NAMES: Readonly<Record<keyof typeof HEADER, string>> = {
  destination: 'destination',
  contentLength: 'content-length',
  receipt: 'receipt',
  transaction: 'transaction',
  id: 'id',
  ack: 'ack',
  subscription: 'subscription',
  messageId: 'message-id',
  persistent: 'persistent',
  priority: 'priority',
  expires: 'expires',
  correlationId: 'correlation-id',
  replyTo: 'reply-to',
  type: 'type',
  timestamp: 'timestamp',
  acceptVersion: 'accept-version',
  host: 'host',
  login: 'login',
  passcode: 'passcode',
  heartBeat: 'heart-beat',
  clientId: 'client-id',
  selector: 'selector',
  browser: 'browser',
  messageType: 'amq-msg-type',
  transformation: 'transformation',
  redelivered: 'redelivered',
  userId: 'JMSXUserID',
  groupId: 'JMSXGroupID',
  groupSequence: 'JMSXGroupSeq',
  originalDestination: 'original-destination',
};

interface Candidate {
  readonly header: Header;
  readonly name: Uint8Array;
}

/** By the length of the name: at most four share one. */
const BY_LENGTH: readonly (readonly Candidate[])[] = candidates();

function candidates(): Candidate[][] {
  const all = (Object.keys(HEADER) as (keyof typeof HEADER)[]).map((key) => ({
    header: HEADER[key],
    name: Uint8Array.from(Buffer.from(NAMES[key])),
  }));
  const longest = Math.max(...all.map(({ name }) => name.length));
  return Array.from({ length: longest + 1 }, (_, length) =>
    all.filter(({ name }) => name.length === length),
  );
}

/** The number of the header whose name is `bytes[start, end)`. */
export function headerOf(
  bytes: Uint8Array,
  start: number,
  end: number,
): Header | typeof OTHER_HEADER {
  const length = end - start;
  const sameLength = BY_LENGTH[length];
  if (sameLength === undefined) return OTHER_HEADER;
  for (const { header, name } of sameLength) {
    let index = 0;
    while (index < length && bytes[start + index] === name[index]) index += 1;
    if (index === length) return header;
  }
  return OTHER_HEADER;
}

/** How a header is spelt, for errors. */
export function headerName(header: Header): string {
  const key = (Object.keys(HEADER) as (keyof typeof HEADER)[]).find((at) => HEADER[at] === header);
  return key === undefined ? String(header) : NAMES[key];
}
