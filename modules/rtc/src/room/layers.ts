import type { PublicationSource } from '@parley/contracts'

/** One simulcast stream of a publication, as last seen. */
export interface Layer {
  running: boolean
  /** It runs, or would if it were asked for. */
  readonly available: boolean
  width: number | undefined
  height: number | undefined
  /** Bits a second, as measured of late; 0 while unknown. */
  readonly bitrate: number
  /** Bits in the busiest second of the last minutes. */
  readonly peak?: number
  /** Bits a second over the last ten seconds or so. */
  readonly average?: number
  /** Frames are in temporal layers, of which the upper ones can be left out. */
  readonly temporal: boolean
}

/** What a subscriber asked for: the size of the element in device pixels. */
export interface WantedSize {
  width: number | undefined
  height: number | undefined
}

/** An element a little larger than the picture is still served by it: nobody sees the difference. */
const tolerance = 0.85

type Sized = Pick<Layer, 'width' | 'height'>

/**
 * The index of the layer to send: the smallest available one that fills the element, else the largest available one.
 * Undefined when there is none. The smaller layers of a screen are less sharp, too, and serve only thumbnails.
 */
export function chooseLayer(
  layers: readonly (Sized & Pick<Layer, 'available'>)[],
  wanted: WantedSize,
  source: PublicationSource = 'camera',
): number | undefined {
  const running = layers
    .map(({ available, width, height }, index) => ({
      ...{ index, available, width, height, pixels: pixelsOf(layers, index) },
    }))
    .filter(({ available }) => available)
    .sort((a, b) => a.pixels - b.pixels)
  const size = source === 'screen' ? readable(wanted) : wanted
  return (running.find((layer) => fills(layer, size)) ?? running.at(-1))?.index
}

/** What a screen has to be as large as, so that its text can be read. */
function readable({ width, height }: WantedSize): WantedSize {
  const twice = (side: number | undefined) => (side === undefined ? undefined : 2 * side)
  return { width: twice(width), height: twice(height) }
}

function fills(layer: Sized, { width, height }: WantedSize): boolean {
  if (width === undefined && height === undefined) return false
  // The picture is fitted into the element: the side that is reached first decides.
  const byWidth = layer.width === undefined || width === undefined || layer.width >= width * tolerance
  const byHeight = layer.height === undefined || height === undefined || layer.height >= height * tolerance
  if (layer.width === undefined) return false
  return byWidth || byHeight
}

/** Of unknown size, layers count as ascending in the order of the offer. */
function pixelsOf(layers: readonly Sized[], index: number): number {
  const { width, height } = layers[index] ?? { width: undefined, height: undefined }
  if (width !== undefined && height !== undefined) return width * height
  return 4 ** index
}

/** The size of the largest layer. */
export function largestSize(layers: readonly Sized[]): { width: number; height: number } | undefined {
  let largest: { width: number; height: number } | undefined
  for (const { width, height } of layers) {
    if (width === undefined || height === undefined) continue
    if (largest === undefined || width * height > largest.width * largest.height) largest = { width, height }
  }
  return largest
}
