import type { PublicationSource } from '@parley/contracts'
import { spatialLayers, type VideoCodec } from './video-codecs.ts'

/** As in WebRTC-SVC, which the DOM types do not have. */
export type VideoEncoding = RTCRtpEncodingParameters & { scalabilityMode?: string }

/** A height from which three layers are worth their cost. */
const simulcastFromHeight = 480

/** Bits a second that look good in talking heads, by the height of the picture. */
const cameraBitrates: readonly [height: number, bitrate: number][] = [
  [120, 90_000],
  [180, 160_000],
  [270, 320_000],
  [360, 500_000],
  [540, 1_000_000],
  [720, 1_700_000],
  [1080, 3_000_000],
]

export interface EncodingWish {
  source: PublicationSource
  height: number | undefined
  /** Undefined: as the height suggests. */
  simulcast: boolean | undefined
  codec?: VideoCodec | undefined
  /** The browser takes scalability modes. */
  scales?: boolean
  /** Of the track: what is shown moves (`motion`), or its detail or text matters. */
  contentHint?: string
}

/**
 * What a video sender is told to send. Cameras of at least 480 lines go out in three sizes (a quarter, a half, full):
 * as three streams `q`, `h`, `f`, or with VP9 and AV1 as spatial layers of one stream. Screens have one size, as their
 * text must stay sharp, and with VP9 and AV1 layers in time, of which the upper ones go first on a weak path.
 */
export function videoEncodings({
  source,
  height = 480,
  simulcast,
  codec,
  scales = false,
  contentHint,
}: EncodingWish): VideoEncoding[] {
  const layersInside = scales && (codec === 'vp9' || codec === 'av1')
  if (source === 'screen') {
    const moves = contentHint === 'motion'
    const rate = moves
      ? { maxBitrate: 4_000_000, maxFramerate: 30 }
      : { maxBitrate: 2_500_000, maxFramerate: 15 }
    return [{ ...rate, ...(layersInside && { scalabilityMode: 'L1T3' }) }]
  }
  if (!(simulcast ?? (source === 'camera' && height >= simulcastFromHeight))) {
    return [{ maxBitrate: cameraBitrate(height) }]
  }
  if (layersInside) return [{ maxBitrate: cameraBitrate(height), scalabilityMode: spatialLayers }]
  return [
    { rid: 'q', scaleResolutionDownBy: 4, maxBitrate: cameraBitrate(height / 4) },
    { rid: 'h', scaleResolutionDownBy: 2, maxBitrate: cameraBitrate(height / 2) },
    { rid: 'f', scaleResolutionDownBy: 1, maxBitrate: cameraBitrate(height) },
  ]
}

/**
 * How encodings change so that only those layers are sent that somebody watches; undefined where they do not fit each
 * other. Of the spatial layers of one stream the upper ones are left out: it is then sent smaller, in fewer layers.
 */
export function watchedEncodings(
  full: readonly VideoEncoding[],
  active: readonly boolean[],
): Partial<VideoEncoding>[] | undefined {
  if (full.length === active.length) return active.map((one) => ({ active: one }))
  const [stream] = full
  if (full.length !== 1 || stream?.scalabilityMode !== spatialLayers) return undefined
  const highest = active.lastIndexOf(true)
  if (highest < 0) return [{ active: false }]
  const scaleResolutionDownBy = 2 ** (active.length - 1 - highest)
  return [
    {
      ...{ active: true, scaleResolutionDownBy },
      scalabilityMode: highest === 0 ? 'L1T3' : `L${highest + 1}T3_KEY`,
      maxBitrate: Math.round((stream.maxBitrate ?? 4_500_000) / scaleResolutionDownBy ** 1.5),
    },
  ]
}

function cameraBitrate(height: number): number {
  const fit = cameraBitrates.find(([upTo]) => height <= upTo)
  return fit?.[1] ?? 4_500_000
}

/** Puts RED (RFC 2198) first, so that lost speech is repaired from the packets after it where both sides can. */
export function redundantAudioFirst<Codec extends { mimeType: string }>(codecs: readonly Codec[]): Codec[] {
  const isRed = ({ mimeType }: Codec) => mimeType.toLowerCase() === 'audio/red'
  return [...codecs.filter(isRed), ...codecs.filter((codec) => !isRed(codec))]
}
