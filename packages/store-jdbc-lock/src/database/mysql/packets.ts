import { ValueTooLargeError } from './failure.ts';
import type { Request } from './mysql-session.ts';
import { IDLE_AS_BEFORE, idleWithinTransaction } from './session-setup.ts';

/** For the head of a packet, and for what goes before the first statement and after the last. */
const RESERVE_BYTES = 1_024;

/** The statements of a transaction, gathered into as few packets as they fit in. Texts are ASCII. */
export class Packets {
  readonly #packetBytesMax: number;
  readonly #requests: Request[] = [];
  #texts: string[] = [];
  #byteCount = 0;

  constructor(packetBytesMax: number) {
    this.#packetBytesMax = packetBytesMax;
  }

  /** What a statement, or the values of a prepared one, may take up. */
  get bytesMax(): number {
    return this.#packetBytesMax - RESERVE_BYTES;
  }

  /** @throws ValueTooLargeError if no packet holds it. */
  add(sql: string): void {
    this.#check(sql.length);
    const byteCount = sql.length + 1;
    if (this.#byteCount + byteCount > this.bytesMax) this.#close();
    this.#texts.push(sql);
    this.#byteCount += byteCount;
  }

  /** `byteCount`: of the values. @throws ValueTooLargeError if no packet holds them. */
  addPrepared(sql: string, values: NonNullable<Request['values']>, byteCount: number): void {
    this.#check(byteCount);
    this.#close();
    this.#requests.push({ sql, values });
  }

  /** The first and the last statement have to be texts. */
  toRequests(leaseDurationMs: number): readonly Request[] {
    if (this.#requests.length === 0) return [{ sql: this.#texts.join(';') }];
    // The server must not wait for the next packet for longer than anybody is sure to be alive.
    this.#texts.push(IDLE_AS_BEFORE);
    this.#close();
    const [first, ...others] = this.#requests;
    return [{ sql: `${idleWithinTransaction(leaseDurationMs)};${first?.sql}` }, ...others];
  }

  #check(byteCount: number): void {
    if (byteCount <= this.bytesMax) return;
    throw new ValueTooLargeError(
      `A packet of ${byteCount} bytes would be needed, and max_allowed_packet of the server is ${this.#packetBytesMax}`,
    );
  }

  #close(): void {
    if (this.#texts.length === 0) return;
    this.#requests.push({ sql: this.#texts.join(';') });
    this.#texts = [];
    this.#byteCount = 0;
  }
}
