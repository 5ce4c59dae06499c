import type { PublicationSource } from '@parley/contracts'
import { videoEncodings } from './encodings.ts'
import type { SectionWish } from './publish-connection.ts'
import { sendableCodec, sendsSpatialLayers, type VideoCodec } from './video-codecs.ts'

export interface SendingWish {
  source: PublicationSource
  simulcast?: boolean | undefined
  codec?: VideoCodec | undefined
  /** In an end-to-end encrypted room. */
  isSealed: boolean
}

/** How a track is sent: in which codec and layers. */
export function sendingOf(
  track: MediaStreamTrack,
  { source, simulcast, codec: wanted, isSealed }: SendingWish,
): Pick<SectionWish, 'encodings' | 'codec'> {
  if (track.kind === 'audio') return { encodings: undefined, codec: undefined }
  // Sealing is defined for VP8 and VP9.
  const codec = sendableCodec(isSealed && wanted !== 'vp9' ? 'vp8' : wanted)
  const scales = codec !== undefined && sendsSpatialLayers()
  const { contentHint } = track
  const { height } = track.getSettings()
  return { encodings: videoEncodings({ source, height, simulcast, codec, scales, contentHint }), codec }
}
