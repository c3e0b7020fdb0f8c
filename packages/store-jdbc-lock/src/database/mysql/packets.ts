import { ValueTooLargeError } from '../session-error.ts';
import type { Request } from './mysql-session.ts';

/** For the head of a packet. */
const RESERVE_BYTES = 64;

/** What bounds the packets of a session. */
export interface PacketLimits {
  readonly packetBytesMax: number;
  /**
   * Each statement has its own. A node of a cluster undoes a transaction at any time if another one was faster. MariaDB
   * does so without a word between two statements of one packet, and then carries out those that follow.
   */
  readonly areSingle: boolean;
}

/** The statements of a transaction, gathered into as few packets as they fit in. Texts are ASCII. */
export class Packets {
  readonly #limits: PacketLimits;
  readonly #requests: Request[] = [];
  #texts: string[] = [];
  #byteCount = 0;

  constructor(limits: PacketLimits) {
    this.#limits = limits;
  }

  /** What a statement, or the values of a prepared one, may take up. */
  get bytesMax(): number {
    return this.#limits.packetBytesMax - RESERVE_BYTES;
  }

  /** @throws ValueTooLargeError if no packet holds it. */
  add(sql: string): void {
    this.#check(sql.length);
    const byteCount = sql.length + 1;
    if (this.#limits.areSingle || this.#byteCount + byteCount > this.bytesMax) this.#close();
    this.#texts.push(sql);
    this.#byteCount += byteCount;
  }

  /** `byteCount`: of the values. @throws ValueTooLargeError if no packet holds them. */
  addPrepared(sql: string, values: NonNullable<Request['values']>, byteCount: number): void {
    this.#check(byteCount);
    this.#close();
    this.#requests.push({ sql, values });
  }

  toRequests(): readonly Request[] {
    this.#close();
    return this.#requests;
  }

  #check(byteCount: number): void {
    if (byteCount <= this.bytesMax) return;
    throw new ValueTooLargeError(
      `A packet of ${byteCount} bytes would be needed, and max_allowed_packet of the server is ${this.#limits.packetBytesMax}`,
    );
  }

  #close(): void {
    if (this.#texts.length === 0) return;
    this.#requests.push({ sql: this.#texts.join(';') });
    this.#texts = [];
    this.#byteCount = 0;
  }
}
