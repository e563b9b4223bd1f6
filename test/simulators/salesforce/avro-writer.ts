/** Writes Avro's binary encoding: zig-zag varints, strings with their length, doubles. Its buffer is used again for every datum. */
export class AvroWriter {
  #buffer = Buffer.allocUnsafe(64 * 1024)
  #end = 0

  /** A copy of what was written since the last call. */
  take(): Buffer {
    const bytes = Buffer.from(this.#buffer.subarray(0, this.#end))
    this.#end = 0
    return bytes
  }

  /** Integers up to 2^52, or any 64-bit one as a bigint; also array counts and indexes of unions and enums. */
  long(value: number | bigint): void {
    this.#room(10)
    if (typeof value === 'bigint') {
      let rest = BigInt.asUintN(64, (value << 1n) ^ (value >> 63n))
      for (; rest > 127n; rest >>= 7n) this.#buffer[this.#end++] = Number(rest & 127n) | 128
      this.#buffer[this.#end++] = Number(rest)
      return
    }
    let rest = value < 0 ? -2 * value - 1 : 2 * value
    for (; rest > 127; rest = Math.floor(rest / 128)) this.#buffer[this.#end++] = (rest % 128) | 128
    this.#buffer[this.#end++] = rest
  }

  string(value: string): void {
    const length = Buffer.byteLength(value)
    this.long(length)
    this.#room(length)
    this.#end += this.#buffer.write(value, this.#end)
  }

  strings(values: readonly string[]): void {
    if (values.length > 0) {
      this.long(values.length)
      for (const value of values) this.string(value)
    }
    this.long(0)
  }

  double(value: number): void {
    this.#room(8)
    this.#end = this.#buffer.writeDoubleLE(value, this.#end)
  }

  boolean(value: boolean): void {
    this.#room(1)
    this.#buffer[this.#end++] = value ? 1 : 0
  }

  #room(bytes: number): void {
    if (this.#end + bytes <= this.#buffer.length) return
    const larger = Buffer.allocUnsafe(2 * (this.#end + bytes))
    this.#buffer.copy(larger, 0, 0, this.#end)
    this.#buffer = larger
  }
}
