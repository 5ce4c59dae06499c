/** Loss below this needs no more time than the browser takes by itself. */
const noticeableLoss = 0.03
const frameMs = 20
/** What may stay lost after all redundancy: three frames in a thousand. */
const residual = 0.003
const mostFrames = 17
const sparedMs = 60
const risesBy = 0.5
const fallsBy = 0.1
const stepMs = 40
/** Sound invented beyond this came too late, or not at all: waiting longer may help. */
const noticeableConcealed = 0.015
const leastNeededMs = 100
const neededStepMs = 120
const forgetsMs = 4
const mostMs = mostFrames * frameMs + sparedMs

/**
 * How long media should wait before it is played, so that what was lost has come again by then: redundant sound comes
 * up to 17 frames late, and pictures after some requests. It follows the loss of a track, fast up and slowly down.
 */
export class PlayoutTarget {
  #loss = 0
  #targetMs: number | null = null
  /** What sound that had to be invented has shown to be needed. */
  #neededMs = 0

  /**
   * Takes what of the last interval was lost, and the share of sound that had to be invented, 0 to 1; answers
   * milliseconds, or null for the browser's own.
   */
  update(loss: number, concealed = 0): number | null {
    if (concealed > noticeableConcealed) {
      this.#neededMs = Math.min(mostMs, Math.max(this.#targetMs ?? 0, leastNeededMs) + neededStepMs)
    } else this.#neededMs = Math.max(0, this.#neededMs - forgetsMs)
    this.#loss += (loss > this.#loss ? risesBy : fallsBy) * (loss - this.#loss)
    const byLoss = targetFor(this.#loss)
    const wanted = this.#neededMs > leastNeededMs ? Math.max(byLoss ?? 0, this.#neededMs) : byLoss
    const near = wanted !== null && this.#targetMs !== null && Math.abs(wanted - this.#targetMs) < stepMs
    if (!near) this.#targetMs = wanted
    return this.#targetMs
  }
}

function targetFor(loss: number): number | null {
  if (loss < noticeableLoss) return null
  const frames = Math.min(mostFrames, Math.ceil(Math.log(residual) / Math.log(Math.min(loss, 0.95))))
  return frames * frameMs + sparedMs
}
