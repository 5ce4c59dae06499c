/** Frames packets on a byte stream: two bytes of length, then the packet (RFC 4571). */
export function frameOnStream(packet: Uint8Array): Buffer {
  const framed = Buffer.allocUnsafe(packet.length + 2)
  framed.writeUInt16BE(packet.length)
  framed.set(packet, 2)
  return framed
}

/** Takes a byte stream apart again, whatever its chunks. */
export class StreamDeframer {
  #pending: Buffer = Buffer.alloc(0)

  /** Packets completed by this chunk. */
  push(chunk: Buffer): Buffer[] {
    this.#pending = this.#pending.length === 0 ? chunk : Buffer.concat([this.#pending, chunk])
    const packets: Buffer[] = []
    while (this.#pending.length >= 2) {
      const end = this.#pending.readUInt16BE() + 2
      if (this.#pending.length < end) break
      packets.push(this.#pending.subarray(2, end))
      this.#pending = this.#pending.subarray(end)
    }
    return packets
  }
}
