import type { RtcLeaveReason } from '@parley/contracts'
import type { ParleyError } from '../parley-error.ts'
import type { VideoAdaptation } from './cpu-adaptation.ts'
import type { KeyRing } from './key-ring.ts'
import type { Participant, ParticipantNetwork, Publication, RemoteParticipant } from './participant.ts'
import type { CaptureWish } from './publish-options.ts'
import type { TrackEvent } from './remote-media.ts'
import type { ReceivedRoomData, RefusedRoomData } from './room-data.ts'
import type { Quality, RoomStatistics } from './statistics.ts'
import type { ProcessorFailure, TrackProcessor } from './track-processor.ts'
import type { E2eeState } from './transform/transform-worker.ts'
import type { VideoCodec } from './video-codecs.ts'

export interface JoinOptions {
  /** How others see this participant. */
  name?: string
  /** Publishes a microphone: the default one, or which, or a track of the application's own. */
  audio?: CaptureWish
  /** Publishes a camera. */
  video?: CaptureWish
  /** In which videos are sent, unless one says otherwise. VP8 unless told. */
  codec?: VideoCodec
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
  /** False: no data channels; `sendData` is refused and nothing arrives. */
  data?: boolean
  /** False: sound goes out with no more redundancy than the browser adds by itself, however lossy the uplink is. */
  deepRedundancy?: boolean
  /**
   * Encrypts what is published, and opens what comes, with these keys; the server cannot. The room must be one for
   * which all do so.
   */
  e2ee?: { keys: KeyRing }
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
  /** In an end-to-end encrypted room: frames of a publication get through now, or are dropped, and why. */
  'e2ee-state': { publication: Publication; participant: Participant; state: E2eeState }
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
  /** A message of another participant, or (without `from`) of the application's server. */
  data: ReceivedRoomData & { participant: RemoteParticipant | undefined }
  /** So many reliable messages could not wait any longer for this slow client, and are lost to it. */
  'data-missed': { count: number }
  /** A lossy message was not sent on; reliable ones reject. */
  'data-refused': RefusedRoomData
  closed: { reason: RoomCloseReason; error?: ParleyError }
}
