import {
  BrokerError,
  type DestinationNumber,
  type Sequence,
  type XaTransactionId,
} from '@batonmq/model';
import type { Run } from '../message/runs.ts';

// What the store remembers of a prepared transaction beside its messages, big-endian;
// docs/formats/kept-state.md draws it for readers outside of this code. Numbers of 8 bytes are f64
// and whole.
//
//   at  bytes
//    0  1   version, 1
//    1  8   wall clock of the prepare, milliseconds
//    9  8   first sequence of its sends in the hidden destination, 17  4  count of them
//   21  8   bytes of its sends, as they count against limits
//   29  4   format id                i32
//   33  4   bytes of the global id, then it; 4 bytes of the branch qualifier, then it
//       4   count of runs of acked places, then for each:
//           4  number of the destination, 8  first sequence, 4  count

const VERSION = 1;
const FIXED_BYTES = 33;
const RUN_BYTES = 16;

/** Acked messages of one queue that follow each other. */
export interface AckedRun extends Run {
  readonly destination: DestinationNumber;
}

export interface PreparedRecord {
  readonly id: XaTransactionId;
  /** Wall clock, milliseconds. */
  readonly preparedAt: number;
  readonly firstSend: Sequence;
  readonly sendCount: number;
  readonly sendBytes: number;
  readonly acked: readonly AckedRun[];
}

export function encodePreparedRecord(record: PreparedRecord): Uint8Array {
  const { id, acked } = record;
  const idBytes = 8 + id.globalTransactionId.length + id.branchQualifier.length;
  const view = Buffer.allocUnsafe(FIXED_BYTES + idBytes + 4 + acked.length * RUN_BYTES);
  view.writeUInt8(VERSION, 0);
  view.writeDoubleBE(record.preparedAt, 1);
  view.writeDoubleBE(record.firstSend, 9);
  view.writeUInt32BE(record.sendCount, 17);
  view.writeDoubleBE(record.sendBytes, 21);
  view.writeInt32BE(id.formatId, 29);
  let at = FIXED_BYTES;
  for (const bytes of [id.globalTransactionId, id.branchQualifier]) {
    at = view.writeUInt32BE(bytes.length, at);
    view.set(bytes, at);
    at += bytes.length;
  }
  at = view.writeUInt32BE(acked.length, at);
  for (const { destination, first, count } of acked) {
    at = view.writeUInt32BE(destination, at);
    at = view.writeDoubleBE(first, at);
    at = view.writeUInt32BE(count, at);
  }
  return view;
}

/** @throws `BATON_STORE_FORMAT` for another version, `BATON_CORRUPT` if the lengths contradict each other. */
export function decodePreparedRecord(value: Uint8Array): PreparedRecord {
  const view = Buffer.from(value);
  const version = view[0];
  if (version !== VERSION) {
    throw new BrokerError(
      'BATON_STORE_FORMAT',
      `A prepared transaction has version ${String(version)}; this broker reads version ${VERSION}`,
      { details: { version } },
    );
  }
  try {
    return read(view);
  } catch (cause) {
    throw new BrokerError(
      'BATON_CORRUPT',
      `A prepared transaction of ${view.length} bytes contradicts its own lengths`,
      { cause, details: { bytes: view.length } },
    );
  }
}

/** Reads beyond the end throw. */
function read(view: Buffer): PreparedRecord {
  let at = FIXED_BYTES;
  const bytes = (): Uint8Array => {
    const length = view.readUInt32BE(at);
    at += 4 + length;
    return view.subarray(at - length, at);
  };
  const globalTransactionId = bytes();
  const branchQualifier = bytes();
  const runCount = view.readUInt32BE(at);
  const runs = view.subarray(at + 4);
  const acked = Array.from({ length: runCount }, (_, index) => ({
    destination: runs.readUInt32BE(index * RUN_BYTES) as DestinationNumber,
    first: runs.readDoubleBE(index * RUN_BYTES + 4) as Sequence,
    count: runs.readUInt32BE(index * RUN_BYTES + 12),
  }));
  return {
    id: { kind: 'xa', formatId: view.readInt32BE(29), globalTransactionId, branchQualifier },
    preparedAt: view.readDoubleBE(1),
    firstSend: view.readDoubleBE(9) as Sequence,
    sendCount: view.readUInt32BE(17),
    sendBytes: view.readDoubleBE(21),
    acked,
  };
}
