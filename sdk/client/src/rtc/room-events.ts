import type { RtcLeaveReason } from '@parley/contracts'
import type { ParleyError } from '../parley-error.ts'
import type { VideoAdaptation } from './cpu-adaptation.ts'
import type { CaptureWish } from './local-media.ts'
import type { Participant, ParticipantNetwork, Publication, RemoteParticipant } from './participant.ts'
import type { TrackEvent } from './remote-media.ts'
import type { Quality, RoomStatistics } from './statistics.ts'
import type { ProcessorFailure, TrackProcessor } from './track-processor.ts'

export interface JoinOptions {
  /** How others see this participant. */
  name?: string
  /** Publishes a microphone: the default one, or which, or a track of the application's own. */
  audio?: CaptureWish
  /** Publishes a camera. */
  video?: CaptureWish
  /** What the microphone captures goes through it from the first sound on; see `Room.setAudioProcessor`. */
  audioProcessor?: TrackProcessor
  /** What the camera captures goes through it from the first picture on. */
  videoProcessor?: TrackProcessor
  /** False: videos are sent and asked for in full however busy the processor is. */
  adaptsToCpu?: boolean
  /** False: the application attaches audio tracks itself. */
  playsAudio?: boolean
  /** False: videos come in full whatever size they are shown in. */
  adaptive?: boolean
  /** Gives up joining. */
  signal?: AbortSignal
}

/** Why a room ended here; `failed` comes with the error. */
export type RoomCloseReason = RtcLeaveReason | 'failed'

/** `reconnecting`: media may still flow; `cause` names what is being mended. */
export type RoomState =
  | { status: 'joining' }
  | { status: 'connected' }
  | { status: 'reconnecting'; cause: 'signalling' | 'media' }
  | { status: 'closed'; reason: RoomCloseReason; error?: ParleyError }

export interface RoomEvents {
  state: RoomState
  /** Anything below has happened; for views that render from the live objects. */
  changed: undefined
  'participant-joined': { participant: RemoteParticipant }
  'participant-left': { participant: RemoteParticipant; reason: RtcLeaveReason }
  'publication-added': { publication: Publication; participant: Participant }
  'publication-changed': { publication: Publication; participant: Participant }
  'publication-removed': { publication: Publication; participant: Participant }
  'track-subscribed': TrackEvent
  'track-unsubscribed': TrackEvent
  /** Loudest first. */
  speakers: { speakers: readonly Participant[] }
  quality: { participant: Participant; quality: Quality }
  /** Videos were made smaller or slower as the processor is busy, or larger again. */
  'video-adapted': VideoAdaptation
  /** Noise suppression or a background stopped working: what is captured is sent as it is. */
  'processor-failed': ProcessorFailure
  /** The network of a participant has become better or worse, either way. */
  network: { participant: Participant; network: ParticipantNetwork }
  /** Each 2 s. */
  statistics: RoomStatistics
  /** The browser wants a click before it plays audio: show a button that calls `startAudio`. */
  'audio-blocked': { blocked: boolean }
  closed: { reason: RoomCloseReason; error?: ParleyError }
}
