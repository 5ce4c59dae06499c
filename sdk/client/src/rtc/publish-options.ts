import type { PublicationSource } from '@parley/contracts'
import type { VideoCodec } from './video-codecs.ts'

export interface PublishOptions {
  /** `camera` for video and `microphone` for audio unless told. */
  source?: PublicationSource
  name?: string
  muted?: boolean
  /** Several layers of a video; unless told, cameras of at least 480 lines have three, and screens two. */
  simulcast?: boolean
  /**
   * Of a video, where this browser sends it, else VP8: all subscribers have to decode it. With VP9 and AV1 the layers of
   * a camera are inside one stream. VP8 unless told.
   */
  codec?: VideoCodec
}

export interface ScreenShareOptions {
  /** Asks for the sound of what is shared, too; the user may decline it. */
  audio?: boolean
  codec?: VideoCodec
  /**
   * What matters: that text and lines stay sharp (`detail`, and unless told), or that a film moves (`motion`). The one is
   * sent in all its lines and, for weak paths, in few lines and frames; the other as a camera is.
   */
  contentHint?: 'detail' | 'text' | 'motion'
}

/** `true` for the default device, or which one, or a track of the application's own. */
export type CaptureWish = boolean | MediaTrackConstraints | MediaStreamTrack
