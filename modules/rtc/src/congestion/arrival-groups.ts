import { type PacketResult, usPerMs } from './packet-result.ts'

/** Packets sent within it form a group. */
const groupLengthUs = 5 * usPerMs
/** Packets that arrive in a burst this close belong to the group before, as a queue let them go together. */
const burstGapUs = 5 * usPerMs
const longestBurstUs = 100 * usPerMs

/** How the time between two groups changed on the way. */
export interface GroupDelta {
  readonly sendDeltaUs: number
  readonly arrivalDeltaUs: number
  readonly arrivalUs: number
}

interface Group {
  firstSentUs: number
  lastSentUs: number
  firstArrivalUs: number
  lastArrivalUs: number
}

/**
 * Puts received packets into groups by when they were sent, so that what a pacer or a network driver did to single
 * packets does not count (draft-ietf-rmcat-gcc-02, section 5.2).
 */
export class ArrivalGroups {
  #current: Group | undefined
  #previous: Group | undefined

  /** Answers the delta between the two groups before this packet when it begins a new one. */
  add({ sentAtUs, receivedAtUs }: PacketResult): GroupDelta | undefined {
    if (receivedAtUs === undefined) return undefined
    const current = this.#current
    if (current === undefined) {
      this.#current = groupOf(sentAtUs, receivedAtUs)
      return undefined
    }
    // Sent before the group began: reordered on our side, of no use.
    if (sentAtUs < current.firstSentUs) return undefined
    if (sentAtUs - current.firstSentUs <= groupLengthUs || isBurst(current, sentAtUs, receivedAtUs)) {
      current.lastSentUs = Math.max(current.lastSentUs, sentAtUs)
      current.lastArrivalUs = Math.max(current.lastArrivalUs, receivedAtUs)
      return undefined
    }
    const delta = this.#previous && between(this.#previous, current)
    this.#previous = current
    this.#current = groupOf(sentAtUs, receivedAtUs)
    return delta
  }
}

function groupOf(sentUs: number, arrivalUs: number): Group {
  return { firstSentUs: sentUs, lastSentUs: sentUs, firstArrivalUs: arrivalUs, lastArrivalUs: arrivalUs }
}

function isBurst(group: Group, sentUs: number, arrivalUs: number): boolean {
  const gapUs = arrivalUs - group.lastArrivalUs
  const growthUs = gapUs - (sentUs - group.lastSentUs)
  return growthUs < 0 && gapUs <= burstGapUs && arrivalUs - group.firstArrivalUs < longestBurstUs
}

function between(before: Group, after: Group): GroupDelta | undefined {
  const arrivalDeltaUs = after.lastArrivalUs - before.lastArrivalUs
  if (arrivalDeltaUs < 0) return undefined
  return {
    sendDeltaUs: after.lastSentUs - before.lastSentUs,
    arrivalDeltaUs,
    arrivalUs: after.lastArrivalUs,
  }
}
