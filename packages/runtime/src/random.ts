/** Randomness. */
export interface Random {
  /** A float in [0, 1). */
  float(): number;
  /** `count` bytes fit for ids and secrets. */
  bytes(count: number): Uint8Array;
  /** A version 4 UUID. */
  uuid(): string;
}
