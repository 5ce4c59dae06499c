import type { PersonMask, PersonSegmenter } from './person-segmenter.ts'
import { PlateModel } from './plate-model.ts'

const leastPictures = 12

interface Lesson {
  model: PlateModel | undefined
  endsAtMs: number
  resolve: () => void
  reject: (error: unknown) => void
}

/**
 * Finds a person by what differs from the empty room, which it has to see first: call `learn` while nobody is in the
 * picture. It knows nothing of people: what is carried into the room counts as person, clothes of the colour of the
 * wall may be taken for wall, and the camera must stand still. Until it has learnt, and after the size of the picture
 * has changed, all is background.
 */
export class EmptyRoomSegmenter implements PersonSegmenter {
  readonly pictureWidth = 160
  #model: PlateModel | undefined
  #lesson: Lesson | undefined
  #mask: PersonMask | undefined

  get hasLearnt(): boolean {
    return this.#model !== undefined
  }

  /**
   * Looks at the empty room for some time. Resolves once it knows it; rejects with an `AbortError` when it was closed
   * or begun anew. Pictures must flow meanwhile.
   */
  learn({ durationMs = 1_500 }: { durationMs?: number } = {}): Promise<void> {
    this.close()
    return new Promise((resolve, reject) => {
      this.#lesson = { model: undefined, endsAtMs: performance.now() + durationMs, resolve, reject }
    })
  }

  /** All is background again. */
  forget(): void {
    this.close()
    this.#model = undefined
  }

  segment({ data, width, height }: ImageData): PersonMask | undefined {
    if (this.#lesson) {
      this.#take(this.#lesson, { data, width, height })
      return undefined
    }
    const model = this.#model
    if (!model || model.width !== width || model.height !== height) return undefined
    this.#mask ??= { width, height, alpha: new Uint8ClampedArray(width * height) }
    model.segment(data, this.#mask.alpha)
    return this.#mask
  }

  /** Ends a lesson; what was learnt stays. */
  close(): void {
    this.#lesson?.reject(new DOMException('The lesson was ended', 'AbortError'))
    this.#lesson = undefined
  }

  #take(lesson: Lesson, { data, width, height }: Pick<ImageData, 'data' | 'width' | 'height'>): void {
    if (lesson.model?.width !== width || lesson.model.height !== height) {
      lesson.model = new PlateModel(width, height)
    }
    lesson.model.learn(data)
    if (lesson.model.learnt < leastPictures || performance.now() < lesson.endsAtMs) return
    this.#lesson = undefined
    this.#model = lesson.model
    this.#mask = undefined
    lesson.resolve()
  }
}
