/** Bytes before the body of each frame. */
const headBytes = 16
/** Set in the size of a frame with RTCP. */
const rtcpFlag = 0x80000000

/**
 * Reads the frames of `paths.reported` one after the other: packets that left a transport, or RTCP it received, packets
 * always before the feedback about them. Nothing is copied or made for a frame; `core/path_reports.h` has the layout.
 */
export class PathReports {
  /** Of the frame, as are all below. */
  transport = 0
  rtcp = false
  /** When it was noted, in microseconds of the worker clock. */
  atUs = 0
  /** Where its body begins and ends in `bytes`. */
  start = 0
  end = 0
  readonly bytes: Uint8Array
  readonly #words: Uint32Array
  readonly #times: Float64Array
  #next = 0

  /** @param bytes begins at a multiple of eight bytes of its buffer */
  constructor(bytes: Uint8Array) {
    this.bytes = bytes
    this.#words = new Uint32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength >> 2)
    this.#times = new Float64Array(bytes.buffer, bytes.byteOffset, bytes.byteLength >> 3)
  }

  /** Goes to the next frame; false when there is none. */
  next(): boolean {
    const at = this.#next
    if (at + headBytes > this.bytes.length) return false
    const size = this.#words[(at >> 2) + 1] ?? 0
    this.transport = this.#words[at >> 2] ?? 0
    this.rtcp = size >= rtcpFlag
    this.atUs = this.#times[(at >> 3) + 1] ?? 0
    this.start = at + headBytes
    this.end = this.start + (this.rtcp ? size - rtcpFlag : size)
    this.#next = (this.end + 7) & ~7
    return true
  }

  /** The body of the frame, not copied: RTCP, or records as `readSentPackets` reads them. */
  get body(): Uint8Array {
    return this.bytes.subarray(this.start, this.end)
  }

  /** A copy of the frame with its head, to be read later. */
  frame(): Uint8Array {
    return this.bytes.slice(this.start - headBytes, this.end)
  }

  /** Packets of a frame without RTCP. */
  get sentCount(): number {
    return (this.end - this.start) >> 4
  }

  /** Extended transport-wide sequence number of a packet of the frame. */
  sequence(index: number): number {
    return this.#words[(this.start >> 2) + index * 4] ?? 0
  }

  /** Its bytes above UDP. */
  size(index: number): number {
    return this.#words[(this.start >> 2) + index * 4 + 1] ?? 0
  }

  /** When it left, in microseconds of the worker clock. */
  sentAtUs(index: number): number {
    return this.#times[(this.start >> 3) + index * 2 + 1] ?? 0
  }
}
