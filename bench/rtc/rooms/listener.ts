import { parseRtp } from '@parley/protocols/rtp'
import { Subscriber, type SubscriberOptions } from '../load/subscriber.ts'
import { type Clocks, memberOf, stampOfSound } from './identity.ts'
import type { Samples } from './samples.ts'

export type ListenerOptions = Pick<SubscriberOptions, 'certificate' | 'sink' | 'openEvery'> & {
  /** Speakers that there are, so many sections. */
  speakers: number
  clocks: Clocks
  delays: Samples
}

export interface ListenerCounts {
  received: number
  expected: number
  checked: number
  /** Sound of another than the one announced, or than what its SSRC carried before. */
  wrong: number
  /** Packets of each member. */
  byMember: Record<number, number>
}

const reportEveryMs = 5_000
const redundantPayloadType = 63

/** Somebody who only listens. It opens all packets of a stream until it knows whose it is, then those it is handed. */
export class Listener extends Subscriber {
  readonly #clocks: Clocks
  readonly #delays: Samples
  /** Whose each SSRC is: what the offer said, else what it carried first. */
  readonly #identities = new Map<number, number>()
  readonly #announced = new Map<number, number>()
  #checked = 0
  #wrong = 0

  constructor({ speakers, clocks, delays, ...options }: ListenerOptions) {
    const sections = Array.from({ length: speakers }, () => 'audio' as const)
    super({ ...options, sections, reportEveryMs, feedbackMs: 0 })
    this.#clocks = clocks
    this.#delays = delays
  }

  /** What an offer said of an SSRC. */
  announce(ssrc: number, identity: number): void {
    this.#announced.set(ssrc, identity)
  }

  /** What was checked counts from now on. */
  mark(): void {
    this.#checked = 0
    this.#wrong = 0
  }

  /** Packets in the measured span, and what was checked since the mark. */
  counts(): ListenerCounts {
    const counts: ListenerCounts = {
      ...{ received: 0, expected: 0, checked: this.#checked, wrong: this.#wrong, byMember: {} },
    }
    for (const { ssrc, received, expected } of this.streams()) {
      counts.received += received
      counts.expected += expected
      const member = memberOf(this.#identities.get(ssrc) ?? -1)
      counts.byMember[member] = (counts.byMember[member] ?? 0) + received
    }
    return counts
  }

  protected override read(bytes: Buffer, arrivalMs: number): void {
    const { ssrc, payload, payloadType } = parseRtp(bytes)
    const stamp =
      payload.length === 0 ? undefined : stampOfSound(payload, payloadType === redundantPayloadType)
    if (stamp === undefined) return
    let identity = this.#identities.get(ssrc)
    if (identity === undefined) {
      identity = this.#announced.get(ssrc) ?? stamp.identity
      this.#identities.set(ssrc, identity)
      this.know(ssrc)
    }
    this.#checked++
    if (stamp.identity !== identity) this.#wrong++
    this.#delays.record(this.#clocks.delayMs(stamp, arrivalMs))
  }
}
