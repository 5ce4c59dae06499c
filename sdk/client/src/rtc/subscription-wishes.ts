/** What is asked of the server for one publication; sizes in device pixels. */
export interface Wish {
  publicationId: string
  enabled: boolean
  width?: number
  height?: number
}

export interface ElementState {
  visible: boolean
  /** In CSS pixels. */
  width: number
  height: number
}

/** More is wanted soon, less a little later: a tile that moves or flickers must not cost a key frame. */
const moreAfterMs = 50
const lessAfterMs = 600
/** Sizes are rounded up to steps, so that a window being dragged does not send a frame for every pixel. */
const stepPx = 32
const mostItems = 200

/** `elements` undefined: never shown anywhere, so the application reads the track by itself and gets all of it. */
export function wishOf(
  publicationId: string,
  enabled: boolean,
  elements: readonly ElementState[] | undefined,
  pixelRatio: number,
): Wish {
  if (!enabled) return { publicationId, enabled: false }
  if (!elements) return { publicationId, enabled: true }
  const seen = elements.filter(({ visible, width, height }) => visible && width > 0 && height > 0)
  if (seen.length === 0) return { publicationId, enabled: false }
  const size = (pixels: number) => Math.min(16_384, Math.ceil((pixels * pixelRatio) / stepPx) * stepPx)
  return {
    publicationId,
    enabled: true,
    width: size(Math.max(...seen.map(({ width }) => width))),
    height: size(Math.max(...seen.map(({ height }) => height))),
  }
}

interface Entry {
  enabled: boolean
  elements: ReadonlySet<Element> | undefined
  sent: Wish | undefined
  /** In full, once the scale was changed. */
  size?: { width: number; height: number }
}

/** Keeps the server told which videos are seen, and how large. It owns its observers; `close` ends them. */
export class SubscriptionWishes {
  readonly #send: (items: Wish[]) => void
  readonly #entries = new Map<string, Entry>()
  readonly #states = new Map<Element, ElementState>()
  #scale = 1
  #resizes: ResizeObserver | undefined
  #intersections: IntersectionObserver | undefined
  #timer: ReturnType<typeof setTimeout> | undefined
  #dueMs = Number.POSITIVE_INFINITY

  constructor(send: (items: Wish[]) => void) {
    this.#send = send
  }

  setElements(publicationId: string, elements: ReadonlySet<Element>): void {
    const entry = this.#entry(publicationId)
    if (!entry.elements && elements.size === 0) return
    entry.elements = new Set(elements)
    this.#observe()
    this.#schedule()
  }

  setEnabled(publicationId: string, enabled: boolean): void {
    this.#entry(publicationId).enabled = enabled
    this.#schedule()
  }

  /** Asks for less than is shown, on machines that cannot decode it; `sizes` are those of all videos. */
  setScale(scale: number, sizes: ReadonlyMap<string, { width: number; height: number }>): void {
    this.#scale = scale
    for (const [publicationId, size] of sizes) this.#entry(publicationId).size = size
    this.#schedule()
  }

  forget(publicationId: string): void {
    this.#entries.delete(publicationId)
    this.#observe()
  }

  /** The server has forgotten: everything is told again. */
  resend(): void {
    for (const entry of this.#entries.values()) entry.sent = undefined
    this.#schedule()
  }

  close(): void {
    clearTimeout(this.#timer)
    this.#entries.clear()
    this.#states.clear()
    this.#resizes?.disconnect()
    this.#intersections?.disconnect()
  }

  #entry(publicationId: string): Entry {
    const entry = this.#entries.get(publicationId) ?? { enabled: true, elements: undefined, sent: undefined }
    this.#entries.set(publicationId, entry)
    return entry
  }

  /** Observes exactly the elements that are attached somewhere. */
  #observe(): void {
    if (typeof ResizeObserver === 'undefined' || typeof IntersectionObserver === 'undefined') return
    this.#resizes ??= new ResizeObserver((changes) => {
      for (const { target, contentRect } of changes) {
        this.#change(target, { width: contentRect.width, height: contentRect.height })
      }
    })
    this.#intersections ??= new IntersectionObserver((changes) => {
      for (const { target, isIntersecting } of changes) this.#change(target, { visible: isIntersecting })
    })
    const wanted = new Set([...this.#entries.values()].flatMap(({ elements }) => [...(elements ?? [])]))
    for (const element of [...this.#states.keys()]) {
      if (wanted.has(element)) continue
      this.#states.delete(element)
      this.#resizes.unobserve(element)
      this.#intersections.unobserve(element)
    }
    for (const element of wanted) {
      if (this.#states.has(element)) continue
      // Taken for visible until the observers have looked, a frame later.
      const { width, height } = element.getBoundingClientRect()
      this.#states.set(element, { visible: true, width, height })
      this.#resizes.observe(element)
      this.#intersections.observe(element)
    }
  }

  #change(element: Element, change: Partial<ElementState>): void {
    const state = this.#states.get(element)
    if (!state) return
    Object.assign(state, change)
    this.#schedule()
  }

  #schedule(): void {
    const changed = this.#changed()
    if (changed.length === 0) return
    const isMore = changed.some(({ wish, sent }) => wish.enabled && (!sent?.enabled || isLarger(wish, sent)))
    const dueMs = Date.now() + (isMore ? moreAfterMs : lessAfterMs)
    if (dueMs >= this.#dueMs) return
    this.#dueMs = dueMs
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => this.#flush(), dueMs - Date.now())
  }

  #flush(): void {
    this.#dueMs = Number.POSITIVE_INFINITY
    const changed = this.#changed().slice(0, mostItems)
    if (changed.length === 0) return
    for (const { entry, wish } of changed) entry.sent = wish
    this.#send(changed.map(({ wish }) => wish))
    this.#schedule()
  }

  #changed(): { entry: Entry; wish: Wish; sent: Wish | undefined }[] {
    return [...this.#entries].flatMap(([publicationId, entry]) => {
      const states =
        entry.elements && [...entry.elements].flatMap((element) => this.#states.get(element) ?? [])
      const scale = this.#scale
      // What the application shows by itself comes in full, or in a share of that.
      const wish =
        states === undefined && scale < 1 && entry.size
          ? wishOf(publicationId, entry.enabled, [{ visible: true, ...entry.size }], scale)
          : wishOf(publicationId, entry.enabled, states, (globalThis.devicePixelRatio ?? 1) * scale)
      const { sent } = entry
      const same = sent
        ? wish.enabled === sent.enabled && wish.width === sent.width && wish.height === sent.height
        : wish.enabled && wish.width === undefined
      return same ? [] : [{ entry, wish, sent }]
    })
  }
}

function isLarger(wish: Wish, sent: Wish): boolean {
  return (wish.width ?? 0) > (sent.width ?? 0) || (wish.height ?? 0) > (sent.height ?? 0)
}
