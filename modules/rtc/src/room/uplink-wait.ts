import type { LayerStats } from '@parley/fastpath'

/** Loss below this needs no more time than receivers take by themselves. */
const noticeableLoss = 0.03
/** Packets that may still be missing after all requests: five in a thousand. */
const residual = 0.005
/** That something is missing shows when the next picture comes, and is asked for 5 ms later; 20 ms are left for pacers. */
const noticedMs = 75
/** Between two requests for a packet: 1.25 times what an answer takes, and 5 ms; each later one a quarter more (FAST-127). */
const repeatsAfter = 1.25
const repeatsLaterMs = 5
const laterBy = 0.25
const mostMs = 350
const risesBy = 0.6
const fallsBy = 0.1
const stepMs = 20
/** Of so few packets their loss says nothing. */
const leastPackets = 20

type Counted = Pick<LayerStats, 'packets' | 'recovered' | 'lost' | 'rttMs' | 'bitrate'>

/**
 * How long receivers of a publication should let its pictures wait, so that what its publisher's path lost has come again
 * by then. Receivers cannot know: what is repaired on its way in leaves in time for their own path. Follows the losses
 * fast up and slowly down.
 */
export class UplinkWait {
  #before = { expected: 0, lost: 0 }
  #loss = 0
  #waitMs = 0

  /** Milliseconds; 0 leaves it to the receivers. */
  get waitMs(): number {
    return this.#waitMs
  }

  /** Takes the counters of the layers; answers whether the wait is another one now. */
  update(layers: readonly Counted[]): boolean {
    const lost = sum(layers.map((layer) => layer.lost))
    const expected = sum(layers.map(({ packets, recovered }) => packets - recovered)) + lost
    const before = this.#before
    this.#before = { expected, lost }
    // Counters begin anew with another SSRC, or another track.
    if (lost < before.lost || expected < before.expected + leastPackets) return false
    const loss = (lost - before.lost) / (expected - before.expected)
    this.#loss += (loss > this.#loss ? risesBy : fallsBy) * (loss - this.#loss)
    const sent = layers.filter(({ bitrate }) => bitrate > 0)
    const wanted = waitFor(this.#loss, Math.max(0, ...sent.map(({ rttMs }) => rttMs)))
    const near = wanted > 0 && this.#waitMs > 0 && Math.abs(wanted - this.#waitMs) < stepMs
    if (near || wanted === this.#waitMs) return false
    this.#waitMs = wanted
    return true
  }
}

/** As many requests as bring the loss below the residual, as far as there is time for; for none of them waiting is of no use. */
function waitFor(loss: number, answerMs: number): number {
  let waitMs = 0
  if (loss < noticeableLoss) return waitMs
  let askedMs = noticedMs
  let missing = loss
  for (let tries = 1; missing > residual && askedMs + answerMs <= mostMs; tries++) {
    waitMs = askedMs + answerMs
    missing *= loss
    askedMs += (answerMs * repeatsAfter + repeatsLaterMs) * (1 + laterBy * (tries - 1))
  }
  return Math.round(waitMs)
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0)
}
