import type { PersonMask } from './person-segmenter.ts'
import type { Canvas, Picture } from './video-transform.ts'

/** What is shown behind the person. */
export type Background =
  /** The room, blurred; `strength` from 0 to 1. */
  | { type: 'blur'; strength?: number }
  /** A picture, cut to fit. */
  | { type: 'image'; image: ImageBitmap | HTMLImageElement | HTMLCanvasElement }

interface Layer {
  canvas: Canvas
  context: CanvasRenderingContext2D | OffscreenCanvasRenderingContext2D
}

const blurredHeight = 120
const mostBlurPx = 12

/** Puts a person in front of a background. */
export class BackgroundPainter {
  readonly #out = layer()
  readonly #person = layer()
  readonly #mask = layer()
  readonly #blurred = layer()
  readonly #small = layer(true)
  #maskPixels: ImageData | undefined

  /** The picture in the width a segmenter asks for. */
  smallCopy({ image, width, height }: Picture, toWidth: number): ImageData {
    const { canvas, context } = this.#small
    fit(canvas, toWidth, Math.max(1, Math.round((toWidth * height) / width)))
    context.drawImage(image, 0, 0, canvas.width, canvas.height)
    return context.getImageData(0, 0, canvas.width, canvas.height)
  }

  /** Draws in the given size; without a mask all of the picture is background. */
  paint(
    picture: Picture,
    options: { background: Background; mask: PersonMask | undefined; scale: number },
  ): Canvas {
    const { background, mask, scale } = options
    const { canvas, context } = this.#out
    // Encoders want even numbers.
    const even = (pixels: number) => Math.max(2, 2 * Math.round((pixels * scale) / 2))
    fit(canvas, even(picture.width), even(picture.height))
    if (background.type === 'blur') this.#paintBlurred(picture, background.strength ?? 0.7)
    else cover(context, background.image, canvas)
    if (mask) {
      this.#cutOut(picture, mask)
      context.drawImage(this.#person.canvas, 0, 0)
    }
    return canvas
  }

  /** Blurred small and drawn large: that costs little, and hides more. */
  #paintBlurred({ image, width, height }: Picture, strength: number): void {
    const { canvas, context } = this.#blurred
    const isFiltering = 'filter' in context
    const lines = isFiltering ? blurredHeight : Math.max(6, Math.round(36 - 26 * strength))
    fit(canvas, Math.max(1, Math.round((lines * width) / height)), lines)
    const radius = isFiltering ? Math.max(1, mostBlurPx * strength) : 0
    if (isFiltering) context.filter = `blur(${radius}px)`
    // A little too large: the filter mixes what is beyond the edge, which is black.
    context.drawImage(image, -radius, -radius, canvas.width + 2 * radius, canvas.height + 2 * radius)
    const out = this.#out
    out.context.imageSmoothingQuality = 'high'
    out.context.drawImage(canvas, 0, 0, out.canvas.width, out.canvas.height)
  }

  #cutOut({ image }: Picture, mask: PersonMask): void {
    const pixels = this.#pixelsOf(mask)
    fit(this.#mask.canvas, mask.width, mask.height)
    this.#mask.context.putImageData(pixels, 0, 0)
    const { canvas, context } = this.#person
    fit(canvas, this.#out.canvas.width, this.#out.canvas.height)
    context.globalCompositeOperation = 'copy'
    context.drawImage(image, 0, 0, canvas.width, canvas.height)
    context.globalCompositeOperation = 'destination-in'
    context.imageSmoothingQuality = 'high'
    context.drawImage(this.#mask.canvas, 0, 0, canvas.width, canvas.height)
  }

  #pixelsOf({ width, height, alpha }: PersonMask): ImageData {
    let pixels = this.#maskPixels
    if (pixels?.width !== width || pixels.height !== height) pixels = new ImageData(width, height)
    this.#maskPixels = pixels
    for (let index = 0; index < alpha.length; index++) pixels.data[index * 4 + 3] = alpha[index] ?? 0
    return pixels
  }
}

function layer(isRead = false): Layer {
  const canvas =
    typeof OffscreenCanvas === 'undefined' ? document.createElement('canvas') : new OffscreenCanvas(2, 2)
  const context = canvas.getContext('2d', { willReadFrequently: isRead }) as Layer['context'] | null
  if (!context) throw new DOMException('The browser draws on no canvas', 'NotSupportedError')
  return { canvas, context }
}

function fit(canvas: Canvas, width: number, height: number): void {
  if (canvas.width !== width) canvas.width = width
  if (canvas.height !== height) canvas.height = height
}

function cover(
  context: Layer['context'],
  image: CanvasImageSource & { width: number; height: number },
  to: Canvas,
): void {
  const scale = Math.max(to.width / image.width, to.height / image.height)
  const width = image.width * scale
  const height = image.height * scale
  context.drawImage(image, (to.width - width) / 2, (to.height - height) / 2, width, height)
}
