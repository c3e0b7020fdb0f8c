const BYTES_MIN = 256;

/** Bytes written one after another into one piece that grows. */
export class GrowingBuffer {
  #block = Buffer.allocUnsafeSlow(BYTES_MIN);
  #length = 0;

  uint8(value: number): void {
    this.#reserve(1);
    this.#block[this.#length++] = value;
  }

  int16(value: number): void {
    this.uint8(value >> 8);
    this.uint8(value);
  }

  int32(value: number): void {
    this.#reserve(4);
    this.#length = this.#block.writeInt32BE(value, this.#length);
  }

  int64(value: bigint): void {
    this.#reserve(8);
    this.#length = this.#block.writeBigInt64BE(value, this.#length);
  }

  float(value: number): void {
    this.#reserve(4);
    this.#length = this.#block.writeFloatBE(value, this.#length);
  }

  double(value: number): void {
    this.#reserve(8);
    this.#length = this.#block.writeDoubleBE(value, this.#length);
  }

  bytes(bytes: Uint8Array): void {
    this.#reserve(bytes.length);
    this.#block.set(bytes, this.#length);
    this.#length += bytes.length;
  }

  /** All that was written. Nothing may be written after it. */
  take(): Uint8Array {
    return this.#block.subarray(0, this.#length);
  }

  #reserve(bytes: number): void {
    const needed = this.#length + bytes;
    if (needed <= this.#block.length) return;
    const larger = Buffer.allocUnsafeSlow(Math.max(needed, this.#block.length * 2));
    this.#block.copy(larger, 0, 0, this.#length);
    this.#block = larger;
  }
}
