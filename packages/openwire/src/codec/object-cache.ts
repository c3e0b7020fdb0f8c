/**
 * The object caches of a connection, one per direction: ids and destinations that return are sent
 * as a number. The sender alone decides what number means what; the receiver obeys.
 */
import type { DataStructure } from '../structure/commands.ts';
import type { Long } from '../structure/data-structures.ts';
import type { FrameInput } from './frame-input.ts';
import { codeOf, type TypeSet } from '../structure/plan.ts';

/** Bytes a peer may make us remember: real caches hold 1024 ids of about 60 bytes. */
const INCOMING_BYTES_MAX = 16 * 1024 * 1024;

/** Slots the reference implementation keeps free; vectors are reproduced only with its policy. */
const FREE_SLOTS = 100;

/** The number that says "not remembered". */
const NOT_STORED = -1;

/** What the peer told us to remember. */
export class IncomingCache {
  readonly #slots: (DataStructure | null | undefined)[] = [];
  readonly #sizes: number[] = [];
  readonly #size: number;
  #bytes = 0;

  constructor(size: number) {
    this.#size = size;
  }

  get(index: number, holds: TypeSet, input: FrameInput): DataStructure | null {
    const structure = this.#slots[index];
    if (structure === undefined) throw input.error(`Slot ${index} of the object cache is empty`);
    if (structure !== null && holds[codeOf(structure.type) ?? 0] !== 1) {
      throw input.error(
        `Slot ${index} of the object cache holds a ${structure.type}, which may not stand here`,
      );
    }
    return structure;
  }

  /** @param bytes - What the structure took on the wire, a measure of its memory. */
  set(index: number, structure: DataStructure | null, bytes: number, input: FrameInput): void {
    if (index === NOT_STORED) return;
    if (index < 0 || index >= this.#size)
      throw input.error(`The object cache has no slot ${index}`);
    this.#bytes += bytes - (this.#sizes[index] ?? 0);
    if (this.#bytes > INCOMING_BYTES_MAX) throw input.error('The object cache holds too much');
    this.#sizes[index] = bytes;
    this.#slots[index] = withoutFrame(structure);
  }
}

/** A remembered structure outlives its frame and must not keep the frame's bytes alive. */
function withoutFrame(structure: DataStructure | null): DataStructure | null {
  if (structure?.type !== 'XATransactionId') return structure;
  return {
    ...structure,
    globalTransactionId: structure.globalTransactionId?.slice() ?? null,
    branchQualifier: structure.branchQualifier?.slice() ?? null,
  };
}

/** What we told the peer to remember, under the eviction policy of the reference implementation. */
export class OutgoingCache {
  readonly #indexes = new Map<string, number>();
  readonly #keys: (string | undefined)[] = [];
  readonly #size: number;
  #next = 0;
  #evict = 0;
  /** Keys defined by the frame being written, to take back if it fails. */
  #fresh: string[] = [];

  constructor(size: number) {
    this.#size = size;
  }

  /** Before each frame: makes room, so that definitions within one frame never run out of it. */
  startFrame(): void {
    this.#fresh = [];
    while (this.#indexes.size > this.#size - FREE_SLOTS) {
      // The slot of the remembered null counts as empty, and an empty slot forgets the null.
      this.#indexes.delete(this.#keys[this.#evict] ?? NULL_KEY);
      this.#keys[this.#evict] = undefined;
      this.#evict = (this.#evict + 1) % this.#size;
    }
  }

  /** The frame will not be sent: what it defined is unknown to the peer. */
  abandonFrame(): void {
    for (const key of this.#fresh) this.#indexes.delete(key);
    this.#fresh = [];
  }

  indexOf(key: string): number | undefined {
    return this.#indexes.get(key);
  }

  /** Gives the key a slot, or `NOT_STORED` if all are taken. */
  define(key: string): number {
    const index = this.#next;
    this.#next = (index + 1) % this.#size;
    if (this.#indexes.size >= this.#size) return NOT_STORED;
    this.#forget(index);
    this.#keys[index] = key === NULL_KEY ? undefined : key;
    this.#indexes.set(key, index);
    this.#fresh.push(key);
    return index;
  }

  #forget(index: number): void {
    const key = this.#keys[index] ?? NULL_KEY;
    if (this.#indexes.get(key) === index) this.#indexes.delete(key);
  }
}

const NULL_KEY = '';

/** Ids are encoded again and again, often as the same object; making their keys is what costs. */
const keys = new WeakMap<DataStructure, string>();

/** Equal for structures that may share a slot: same type and same identity. */
export function cacheKey(structure: DataStructure | null): string {
  if (structure === null) return NULL_KEY;
  const known = keys.get(structure);
  if (known !== undefined) return known;
  const key = identity(structure);
  keys.set(structure, key);
  return key;
}

function identity(structure: DataStructure): string {
  switch (structure.type) {
    case 'ConnectionId':
    case 'BrokerId':
      return `${structure.type} ${text(structure.value)}`;
    case 'SessionId':
      return idKey(structure.type, structure.connectionId, 0, structure.value);
    case 'ConsumerId':
    case 'ProducerId':
      return idKey(structure.type, structure.connectionId, structure.sessionId, structure.value);
    case 'LocalTransactionId':
      return `${structure.type} ${String(structure.value)} ${cacheKey(structure.connectionId)}`;
    case 'XATransactionId':
      return `${structure.type} ${structure.formatId} ${hex(structure.globalTransactionId)} ${hex(structure.branchQualifier)}`;
    case 'ActiveMQQueue':
    case 'ActiveMQTopic':
    case 'ActiveMQTempQueue':
    case 'ActiveMQTempTopic':
      return `${structure.type} ${text(structure.physicalName)}`;
    default:
      throw new TypeError(`A ${structure.type} is never cached`);
  }
}

function idKey(type: string, connection: string | null, session: Long, value: Long): string {
  return `${type} ${String(session)} ${String(value)} ${text(connection)}`;
}

function text(value: string | null): string {
  return value === null ? 'null' : `=${value}`;
}

function hex(bytes: Uint8Array | null): string {
  return bytes === null ? 'null' : `=${Buffer.from(bytes).toString('hex')}`;
}
