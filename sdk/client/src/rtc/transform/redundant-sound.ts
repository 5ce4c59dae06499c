/** Packs sound with the frames before it, in RED (RFC 2198). One a sender. */
export interface RedundantSound {
  /**
   * Takes a payload as the browser's own encoder made it and answers one with up to `depth` frames before the
   * newest. What is not RED comes back as it is.
   */
  repack(payload: ArrayBuffer, timestamp: number, depth: number): ArrayBuffer
}

/**
 * Makes packers. It stands alone: its text is given to a worker, so it uses nothing from outside of itself but what
 * every worker has.
 */
export function redundantSounds(): () => RedundantSound {
  const mostDepth = 17
  /** Browsers of the engine of Chromium refuse larger ones, and never send again on that sender. */
  const mostBytes = 1_000
  /** What the 14 and 10 bits of a block header hold. */
  const mostOffset = 0x3fff
  const mostBlock = 0x3ff

  interface Frame {
    payloadType: number
    timestamp: number
    bytes: Uint8Array
  }

  /** The newest frame: it comes last, behind the blocks that repeat older ones. */
  const primaryOf = (payload: Uint8Array, timestamp: number): Frame | undefined => {
    let at = 0
    let redundantBytes = 0
    for (;;) {
      const head = payload[at]
      if (head === undefined) return undefined
      if ((head & 0x80) === 0) {
        const bytes = payload.slice(at + 1 + redundantBytes)
        return at + 1 + redundantBytes > payload.length ? undefined : { payloadType: head, timestamp, bytes }
      }
      redundantBytes += (((payload[at + 2] ?? 0) & 3) << 8) | (payload[at + 3] ?? 0)
      at += 4
    }
  }

  const pack = (primary: Frame, older: readonly Frame[]): ArrayBuffer => {
    const bodies = [...older, primary]
    const size = older.length * 4 + 1 + bodies.reduce((total, { bytes }) => total + bytes.length, 0)
    const packed = new Uint8Array(size)
    let at = 0
    for (const { payloadType, timestamp, bytes } of older) {
      const offset = (primary.timestamp - timestamp) >>> 0
      packed[at] = 0x80 | payloadType
      packed[at + 1] = offset >> 6
      packed[at + 2] = ((offset & 0x3f) << 2) | (bytes.length >> 8)
      packed[at + 3] = bytes.length & 0xff
      at += 4
    }
    packed[at++] = primary.payloadType
    for (const { bytes } of bodies) {
      packed.set(bytes, at)
      at += bytes.length
    }
    return packed.buffer
  }

  return () => {
    /** Newest first. */
    const history: Frame[] = []
    return {
      repack: (payload, timestamp, depth) => {
        const primary = primaryOf(new Uint8Array(payload), timestamp)
        if (primary === undefined) return payload
        const older: Frame[] = []
        let size = 1 + primary.bytes.length
        for (const frame of history) {
          const offset = (timestamp - frame.timestamp) >>> 0
          // A receiver counts blocks back from the packet's number, so none in between may be left out.
          if (older.length >= depth || offset === 0 || offset > mostOffset) break
          if (frame.bytes.length === 0 || frame.bytes.length > mostBlock) break
          size += 4 + frame.bytes.length
          if (size > mostBytes) break
          older.unshift(frame)
        }
        history.unshift(primary)
        history.length = Math.min(history.length, mostDepth)
        return pack(primary, older)
      },
    }
  }
}
