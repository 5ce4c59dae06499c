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

/** A shared screen as it is, for whose path carries it; another one for the others, and for thumbnails. */
const sharpScreen = { maxBitrate: 2_500_000, maxFramerate: 15 }
const smallScreen = { maxBitrate: 200_000, maxFramerate: 5 }
/** Text of usual size can be read at so many lines, and a whole page of it comes within 2 s at 300 kbit/s. */
const smallScreenHeight = 540
const film: readonly VideoEncoding[] = [
  { rid: 'q', scaleResolutionDownBy: 4, maxBitrate: 200_000, maxFramerate: 15 },
  { rid: 'h', scaleResolutionDownBy: 2, maxBitrate: 800_000, maxFramerate: 30 },
  { rid: 'f', scaleResolutionDownBy: 1, maxBitrate: 4_000_000, maxFramerate: 30 },
]

/**
 * What a video sender is told to send. Cameras of at least 480 lines go out in three sizes (a quarter, a half, full):
 * as three streams `q`, `h`, `f`, or with VP9 and AV1 as spatial layers of one stream. So do screens that show a film.
 * Other screens are two streams in each codec: `f` with all lines and few frames, as their text must stay sharp, and `q`.
 */
export function videoEncodings(wish: EncodingWish): VideoEncoding[] {
  const { source, height = 480, simulcast, codec, scales = false } = wish
  if (source === 'screen') return screenEncodings(wish)
  const layersInside = scales && (codec === 'vp9' || codec === 'av1')
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
 * Spatial layers of screens Chromium gives in AV1 alone, and holds those to 600 kbit/s. Layers in time make it send two to
 * three times the bits for a page that hardly changes, each frame worse; so only `q` has them, for the weakest paths.
 */
function screenEncodings({
  height = 1080,
  simulcast = true,
  scales,
  contentHint,
}: EncodingWish): VideoEncoding[] {
  const inTime = (scalabilityMode: string) => scales === true && { scalabilityMode }
  if (contentHint === 'motion') {
    return simulcast ? film.map((one) => ({ ...one })) : [{ maxBitrate: 4_000_000, maxFramerate: 30 }]
  }
  const sharp = { ...sharpScreen, ...inTime('L1T1') }
  if (!simulcast) return [sharp]
  const scaleResolutionDownBy = Math.max(1, height / smallScreenHeight)
  return [
    { rid: 'q', scaleResolutionDownBy, ...smallScreen, ...inTime('L1T2') },
    { rid: 'f', scaleResolutionDownBy: 1, ...sharp },
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
