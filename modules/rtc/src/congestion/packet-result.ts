/** A packet as it left. Times are microseconds of one monotonic clock, sizes bytes above UDP. */
export interface SentPacket {
  /** Extended transport-wide sequence number. */
  readonly sequence: number
  readonly sizeBytes: number
  readonly sentAtUs: number
}

/** What became of it, as feedback tells. */
export interface PacketResult extends SentPacket {
  /** On the receiver's clock, whose origin is unknown; undefined when it did not arrive so far. */
  readonly receivedAtUs: number | undefined
  /** Told as missing by an earlier feedback already. */
  readonly late: boolean
}

export const usPerMs = 1_000
export const usPerSecond = 1_000_000
