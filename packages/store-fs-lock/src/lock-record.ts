/**
 * What the holder writes into the lock file, so that the others can see who holds it and whether it
 * still lives. Text, so that `cat` answers the question "who has it":
 *
 * ```
 * batonmq-lock 1
 * state held
 * owner "broker-a"
 * holder 0b8f6c1e-6f0c-4f3a-9f0e-2a52d1c4a0f7
 * epoch 7
 * count 1234
 * check 5e0c1f7a2b9d4c33
 * ```
 *
 * Always 512 bytes (one sector), filled with spaces; fields in this order. `owner` is a JSON string.
 * `check`, the start of the SHA-256 of all bytes before its line, tells a record read in the middle of
 * a write from a whole one. ActiveMQ writes eight bytes over the start when it
 * takes this lock, so a file whose first word is another was last held by another program.
 */
import { BrokerError } from '@batonmq/model';
import { createHash } from 'node:crypto';

/** Fixed, so that a rewrite never changes the length of the file and needs no new block. */
export const LOCK_RECORD_BYTES = 512;

/** Longest name of a broker, in bytes as JSON; leaves room for the other fields. */
const OWNER_BYTES_MAX = 256;

/**
 * - `quarantine`: has the lock but not yet the right to write, because the holder before it may still act;
 * - `held`: its epoch is the only one that counts;
 * - `released`: gave the lock back in good order and writes no more.
 */
export type LockState = 'quarantine' | 'held' | 'released';

export interface LockRecord {
  readonly state: LockState;
  /** Name of the broker. */
  readonly owner: string;
  /** Names one acquisition; two holders never share it. */
  readonly holder: string;
  /** Epoch this holder took or is about to take. */
  readonly epoch: number;
  /** Grows with every keep-alive. */
  readonly count: number;
}

const PATTERN =
  /^batonmq-lock 1\nstate (quarantine|held|released)\nowner (".*")\nholder (\S+)\nepoch (\d+)\ncount (\d+)\n(?=check ([0-9a-f]{16})\n *$)/;

/** @throws `BATON_INVALID_ARGUMENT` if the owner's name is too long. */
export function encodeLockRecord(record: LockRecord): Uint8Array {
  const owner = JSON.stringify(record.owner);
  if (Buffer.byteLength(owner) > OWNER_BYTES_MAX) {
    throw new BrokerError(
      'BATON_INVALID_ARGUMENT',
      `The broker's name is ${Buffer.byteLength(owner)} bytes long as JSON; at most ${OWNER_BYTES_MAX} are allowed`,
    );
  }
  const covered =
    `batonmq-lock 1\nstate ${record.state}\nowner ${owner}\nholder ${record.holder}\n` +
    `epoch ${record.epoch}\ncount ${record.count}\n`;
  const bytes = Buffer.alloc(LOCK_RECORD_BYTES, ' ');
  bytes.write(`${covered}check ${checksum(covered)}\n`, 'utf8');
  return bytes;
}

/** `undefined` if the bytes are not a whole record: empty, torn, or another program's. */
export function decodeLockRecord(bytes: Uint8Array): LockRecord | undefined {
  if (bytes.length !== LOCK_RECORD_BYTES) return undefined;
  const match = PATTERN.exec(Buffer.from(bytes).toString('utf8'));
  if (!match) return undefined;
  const [covered, state, owner, holder, epoch, count, check] = match;
  if (checksum(covered) !== check) return undefined;
  return {
    state: state as LockState,
    owner: JSON.parse(owner ?? '""') as string,
    holder: holder ?? '',
    epoch: Number(epoch),
    count: Number(count),
  };
}

function checksum(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 16);
}
