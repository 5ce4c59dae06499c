import type { PublicationSource } from '@parley/contracts'

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
}

/**
 * What a video sender is told to send. Cameras of at least 480 lines go out in three layers `q`, `h`, `f`
 * (a quarter, a half, full); screens in one, as their text must stay sharp.
 */
export function videoEncodings({
  source,
  height = 480,
  simulcast,
}: EncodingWish): RTCRtpEncodingParameters[] {
  if (source === 'screen') return [{ maxBitrate: 2_500_000, maxFramerate: 15 }]
  if (!(simulcast ?? (source === 'camera' && height >= simulcastFromHeight))) {
    return [{ maxBitrate: cameraBitrate(height) }]
  }
  return [
    { rid: 'q', scaleResolutionDownBy: 4, maxBitrate: cameraBitrate(height / 4) },
    { rid: 'h', scaleResolutionDownBy: 2, maxBitrate: cameraBitrate(height / 2) },
    { rid: 'f', scaleResolutionDownBy: 1, maxBitrate: cameraBitrate(height) },
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
