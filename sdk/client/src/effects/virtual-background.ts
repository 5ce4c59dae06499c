import type { ProcessorContext, TrackProcessor } from '../rtc/track-processor.ts'
import { type Background, BackgroundPainter } from './background-painter.ts'
import { EmptyRoomSegmenter } from './empty-room-segmenter.ts'
import { FramePace } from './frame-pace.ts'
import type { PersonSegmenter } from './person-segmenter.ts'
import { type Picture, transformVideo, type VideoTransform } from './video-transform.ts'
import { transformInWorker, type WorkerTransform } from './worker-transform.ts'

export type { Background } from './background-painter.ts'
export { EmptyRoomSegmenter } from './empty-room-segmenter.ts'
export type { PersonMask, PersonSegmenter } from './person-segmenter.ts'

export interface VirtualBackgroundOptions {
  background: Background
  /** Tells persons from the room; an `EmptyRoomSegmenter` unless given. The background closes it. */
  segmenter?: PersonSegmenter
  /** 24 unless told. */
  framesPerSecond?: number
  /**
   * Where the page serves `virtual-background-worker.js` from: then drawing does not keep the page from its work, in
   * browsers that can hand frames over.
   */
  workerUrl?: string
}

/**
 * Blurs or replaces what is behind a person. While the segmenter does not know who is person, all of the picture is
 * background: nothing of the room is shown by mistake. Pictures get smaller, down to 3/8, on machines that are slow.
 */
export class VirtualBackground implements TrackProcessor {
  readonly kind = 'video'
  readonly name = 'virtual-background'
  readonly #segmenter: PersonSegmenter
  readonly #framesPerSecond: number
  readonly #workerUrl: string | undefined
  #background: Background
  #transform: (VideoTransform & Partial<WorkerTransform>) | undefined
  #frameMs = 0

  constructor({ background, segmenter, framesPerSecond = 24, workerUrl }: VirtualBackgroundOptions) {
    this.#background = background
    this.#segmenter = segmenter ?? new EmptyRoomSegmenter()
    this.#framesPerSecond = framesPerSecond
    this.#workerUrl = workerUrl
  }

  get segmenter(): PersonSegmenter {
    return this.#segmenter
  }

  get background(): Background {
    return this.#background
  }

  /** From the next picture on. */
  setBackground(background: Background): void {
    this.#background = background
    this.#transform?.setBackground?.(background)
  }

  /** Milliseconds that a picture takes, as a running mean. */
  get frameMs(): number {
    return this.#frameMs
  }

  async start(input: MediaStreamTrack, { fail }: ProcessorContext): Promise<MediaStreamTrack> {
    this.close()
    this.#transform = this.#inWorker(input, fail) ?? this.#onPage(input, fail)
    return this.#transform.output
  }

  close(): void {
    this.#transform?.close()
    this.#transform = undefined
    this.#segmenter.close()
  }

  #inWorker(input: MediaStreamTrack, onFailed: (error: unknown) => void): WorkerTransform | undefined {
    if (this.#workerUrl === undefined) return undefined
    return transformInWorker(input, {
      workerUrl: this.#workerUrl,
      background: this.#background,
      segmenter: this.#segmenter,
      framesPerSecond: this.#framesPerSecond,
      onDrawn: (tookMs) => this.#measure(tookMs),
      onFailed,
    })
  }

  #onPage(input: MediaStreamTrack, onFailed: (error: unknown) => void): VideoTransform {
    const pace = new FramePace({ framesPerSecond: this.#framesPerSecond })
    const painter = new BackgroundPainter()
    return transformVideo(input, {
      onFailed,
      draw: async (picture) => {
        const beganMs = performance.now()
        if (!pace.takes(beganMs)) return undefined
        const canvas = await this.#draw(picture, painter, pace.scale)
        const tookMs = performance.now() - beganMs
        this.#measure(tookMs)
        pace.took(tookMs)
        return canvas
      },
    })
  }

  #measure(tookMs: number): void {
    this.#frameMs += 0.1 * (tookMs - this.#frameMs)
  }

  async #draw(picture: Picture, painter: BackgroundPainter, scale: number) {
    const small = painter.smallCopy(picture, this.#segmenter.pictureWidth)
    const mask = await this.#segmenter.segment(small)
    return painter.paint(picture, { background: this.#background, mask, scale })
  }
}
