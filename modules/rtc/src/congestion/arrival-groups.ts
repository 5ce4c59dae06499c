import { type PacketResult, usPerMs } from './packet-result.ts'
import { Stall } from './stall.ts'

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
  readonly firstSentUs: number
  lastSentUs: number
  readonly firstArrivalUs: number
  lastArrivalUs: number
  /** Present while what waited through it comes in. */
  stall: Stall | undefined
}

/**
 * Puts received packets into groups by when they were sent, so that what a pacer or a network driver did to single
 * packets does not count (draft-ietf-rmcat-gcc-02, section 5.2). What comes in after a stall is one group, too.
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
    const continued = current.stall?.takes(sentAtUs, receivedAtUs) === true
    const stall = continued
      ? current.stall
      : Stall.between(
          { sentUs: current.lastSentUs, arrivalUs: current.lastArrivalUs },
          sentAtUs,
          receivedAtUs,
        )
    const together = sentAtUs - current.firstSentUs <= groupLengthUs
    if (continued || together || isBurst(current, sentAtUs, receivedAtUs)) {
      current.lastSentUs = Math.max(current.lastSentUs, sentAtUs)
      current.lastArrivalUs = Math.max(current.lastArrivalUs, receivedAtUs)
      current.stall = stall?.over ? undefined : (stall ?? current.stall)
      return undefined
    }
    const delta = this.#previous && between(this.#previous, current)
    this.#previous = current
    this.#current = groupOf(sentAtUs, receivedAtUs, stall)
    return delta
  }
}

function groupOf(sentUs: number, arrivalUs: number, stall?: Stall): Group {
  return {
    firstSentUs: sentUs,
    lastSentUs: sentUs,
    firstArrivalUs: arrivalUs,
    lastArrivalUs: arrivalUs,
    stall,
  }
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
