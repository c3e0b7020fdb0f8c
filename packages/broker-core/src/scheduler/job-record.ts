import { BrokerError, type Sequence } from '@batonmq/model';
import { Cron } from './cron.ts';
import type { Job } from './job.ts';

// What the store remembers of a job beside its message, big-endian; docs/formats/kept-state.md draws
// it for readers outside of this code. Numbers of 8 bytes are f64 and whole.
//
//   at  bytes
//    0  1   version, 1
//    1  8   due, wall clock milliseconds
//    9  8   sequence of its message in the hidden destination
//   17  8   delay, 25  8  period, milliseconds
//   33  4   deliveries left after the next one, i32; -1 for ever
//   37      cron entry (UTF-8), none if nothing follows

const VERSION = 1;
const FIXED_BYTES = 37;

export function encodeJob({ due, sequence, delay, period, repeat, cron }: Job): Uint8Array {
  const text = Buffer.from(cron?.text ?? '');
  const view = Buffer.allocUnsafe(FIXED_BYTES + text.length);
  view.writeUInt8(VERSION, 0);
  view.writeDoubleBE(due, 1);
  view.writeDoubleBE(sequence, 9);
  view.writeDoubleBE(delay, 17);
  view.writeDoubleBE(period, 25);
  view.writeInt32BE(repeat, 33);
  view.set(text, FIXED_BYTES);
  return view;
}

/** @throws `BATON_STORE_FORMAT` for another version, `BATON_CORRUPT` if it is too short. */
export function decodeJob(id: string, value: Uint8Array): Job {
  const view = Buffer.from(value.buffer, value.byteOffset, value.byteLength);
  const version = view[0];
  if (version !== VERSION) {
    throw new BrokerError(
      'BATON_STORE_FORMAT',
      `A scheduled job has version ${String(version)}; this broker reads version ${VERSION}`,
      { details: { version, jobId: id } },
    );
  }
  if (view.length < FIXED_BYTES) {
    throw new BrokerError('BATON_CORRUPT', `A scheduled job has ${view.length} bytes only`, {
      details: { jobId: id },
    });
  }
  const cron = view.toString('utf8', FIXED_BYTES);
  const due = view.readDoubleBE(1);
  return {
    id,
    due,
    wakeAt: due,
    sequence: view.readDoubleBE(9) as Sequence,
    delay: view.readDoubleBE(17),
    period: view.readDoubleBE(25),
    repeat: view.readInt32BE(33),
    cron: cron === '' ? undefined : new Cron(cron),
  };
}
