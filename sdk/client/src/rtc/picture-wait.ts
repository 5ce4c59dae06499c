/** Loss below this needs no more time than the browser takes by itself. */
const noticeableLoss = 0.03
/** Packets that may still be missing after all answers: five in a thousand. */
const residual = 0.005
/** A loss is noticed when something comes behind it, and told of with the next feedback, each 60 ms. */
const noticedMs = 105
const mostMs = 320
/**
 * From these losses on the server makes its last attempts 240 ms after the first, where feedback comes soon enough for that. The
 * browser counts from when pictures arrive on the average, which is 25 to 60 ms after the first attempt there.
 */
const attemptsFrom = 0.2
const attemptsRoundTripMs = 150
const attemptsMs = 225
/**
 * Answers that take longer are not waited for: there the server sends protection ahead, which comes with the pictures, and
 * copies 55 ms behind them.
 */
const longRoundTripMs = 250
const protectedMs = 110
const risesBy = 0.6
const fallsBy = 0.1
const stepMs = 20

/** The way to this client as the server measures it. */
export interface MeasuredLoss {
  /** Before repair, 0 to 1. */
  readonly loss: number
  readonly roundTripMs: number
}

/**
 * How long pictures should wait before they are shown, so that what was lost has come again by then. A packet that is
 * missed is sent twice, then three times, then four; each such round takes a round trip, as the server measures it with
 * the wait for feedback. Follows the losses fast up and slowly down.
 */
export class PictureWait {
  #loss = 0
  #targetMs: number | null = null

  /** Answers milliseconds, or null for the browser's own. */
  update({ loss, roundTripMs }: MeasuredLoss): number | null {
    this.#loss += (loss > this.#loss ? risesBy : fallsBy) * (loss - this.#loss)
    const wanted = waitFor(this.#loss, roundTripMs)
    const near = wanted !== null && this.#targetMs !== null && Math.abs(wanted - this.#targetMs) < stepMs
    if (!near) this.#targetMs = wanted
    return this.#targetMs
  }
}

function waitFor(loss: number, roundTripMs: number): number | null {
  if (loss < noticeableLoss) return null
  if (roundTripMs > longRoundTripMs) return protectedMs
  if (loss >= attemptsFrom && roundTripMs <= attemptsRoundTripMs) return attemptsMs
  let missing = loss
  let rounds = 0
  while (missing > residual && rounds < 6) {
    rounds += 1
    missing *= loss ** (rounds + 1)
  }
  return Math.min(mostMs, Math.round(noticedMs + rounds * roundTripMs))
}
