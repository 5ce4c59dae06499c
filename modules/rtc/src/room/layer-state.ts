import type { Layer } from './layers.ts'

/** Nobody watched it for so long before it is switched off: who comes back within finds it running. */
const lingersMs = 10_000
/** A layer that is asked for again is counted on for so long, until it runs. */
const startsWithinMs = 3_000
const falling = 0.2
const peakFalling = 0.01
const averageShare = 0.1

/** One layer of a publication: what is seen of it, and whether it is asked for. */
export class LayerState implements Layer {
  width: number | undefined
  height: number | undefined
  #running = false
  #bitrate = 0
  #peak = 0
  #average = 0
  #temporal = false
  #wanted = true
  #wantedSinceMs = Number.NEGATIVE_INFINITY
  #unwatchedSinceMs: number | undefined
  #nowMs = 0

  get running(): boolean {
    return this.#running
  }

  /** False: its publisher was told that nobody watches it. */
  get wanted(): boolean {
    return this.#wanted
  }

  get available(): boolean {
    return this.#running || !this.#wanted || this.#nowMs - this.#wantedSinceMs < startsWithinMs
  }

  get bitrate(): number {
    return this.#bitrate
  }

  get peak(): number {
    return this.#peak
  }

  get average(): number {
    return this.#average
  }

  get temporal(): boolean {
    return this.#temporal
  }

  change(facts: { running: boolean; width?: number; height?: number }): void {
    this.#running = facts.running
    this.width = facts.width ?? this.width
    this.height = facts.height ?? this.height
  }

  /** Rises at once and falls slowly: a still picture moves again without warning. Silence says nothing. */
  measure({ bitrate, temporal }: { bitrate: number; temporal: boolean }): void {
    this.#temporal = temporal
    this.#average = Math.round(this.#average + averageShare * (bitrate - this.#average))
    if (bitrate <= 0) return
    this.#peak = Math.round(Math.max(bitrate, this.#peak * (1 - peakFalling)))
    const known = this.#bitrate
    this.#bitrate = Math.round(bitrate > known ? bitrate : known + falling * (bitrate - known))
  }

  /** Answers whether the publisher has to be told. */
  setWatched(watched: boolean, nowMs: number): boolean {
    this.#nowMs = nowMs
    if (watched) {
      this.#unwatchedSinceMs = undefined
      if (this.#wanted) return false
      this.#wanted = true
      this.#wantedSinceMs = nowMs
      return true
    }
    this.#unwatchedSinceMs ??= nowMs
    // What does not run is not switched off: it may only be about to start.
    if (!this.#wanted || !this.#running || nowMs - this.#unwatchedSinceMs < lingersMs) return false
    this.#wanted = false
    return true
  }
}
