/**
 * What one feedback told, a column a property, in order of sequence. One of these serves every path: it is filled and
 * read within a call, so that nothing is made for each packet.
 */
export class PacketResults {
  length = 0
  sizeBytes = new Int32Array(64)
  /** Microseconds of our clock. */
  sentAtUs = new Float64Array(64)
  /** Microseconds on the receiver's clock, whose origin is unknown; NaN when it did not arrive so far. */
  receivedAtUs = new Float64Array(64)
  /** 1 when an earlier feedback told it as missing. */
  late = new Uint8Array(64)

  clear(): void {
    this.length = 0
  }

  add(sizeBytes: number, sentAtUs: number, receivedAtUs: number, late: boolean): void {
    if (this.length === this.sizeBytes.length) this.#grow()
    const at = this.length++
    this.sizeBytes[at] = sizeBytes
    this.sentAtUs[at] = sentAtUs
    this.receivedAtUs[at] = receivedAtUs
    this.late[at] = late ? 1 : 0
  }

  #grow(): void {
    const twice = this.length * 2
    const grown = <Column extends Int32Array | Float64Array | Uint8Array>(fresh: Column, column: Column) => {
      fresh.set(column)
      return fresh
    }
    this.sizeBytes = grown(new Int32Array(twice), this.sizeBytes)
    this.sentAtUs = grown(new Float64Array(twice), this.sentAtUs)
    this.receivedAtUs = grown(new Float64Array(twice), this.receivedAtUs)
    this.late = grown(new Uint8Array(twice), this.late)
  }
}
