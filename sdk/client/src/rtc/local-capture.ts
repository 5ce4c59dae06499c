import type { PublicationSource } from '@parley/contracts'
import { ParleyError } from '../parley-error.ts'
import type { Devices } from './devices.ts'
import type { CaptureWish, PublishOptions, ScreenShareOptions } from './publish-options.ts'

/** A track with how it is to be published. Without `constraints` it belongs to the application. */
export interface Captured {
  track: MediaStreamTrack
  options: PublishOptions
  constraints: MediaTrackConstraints | undefined
}

const microphoneDefaults: MediaTrackConstraints = {
  echoCancellation: true,
  noiseSuppression: true,
  autoGainControl: true,
}
const cameraDefaults: MediaTrackConstraints = {
  width: { ideal: 1280 },
  height: { ideal: 720 },
  frameRate: { ideal: 30 },
}

/** Captures microphones, cameras and screens, and knows which devices were chosen. Tracks belong to who asked. */
export class LocalCapture {
  readonly #devices: Devices
  readonly #deviceIds = new Map<'audio' | 'video', string>()

  constructor(devices: Devices) {
    this.#devices = devices
  }

  chosenDevice(kind: 'audio' | 'video'): string | undefined {
    return this.#deviceIds.get(kind)
  }

  /** Captures from this device in future. */
  chooseDevice(kind: 'audio' | 'video', deviceId: string): void {
    this.#deviceIds.set(kind, deviceId)
  }

  /** Captures from the default device in future. */
  forgetDevice(kind: 'audio' | 'video'): void {
    this.#deviceIds.delete(kind)
  }

  /** Captures microphone and camera with one question to the user. */
  async capture(audio: CaptureWish, video: CaptureWish): Promise<Captured[]> {
    const ready: Captured[] = []
    const wanted: MediaStreamConstraints = {}
    for (const [kind, wish] of [['audio', audio] as const, ['video', video] as const]) {
      const source: PublicationSource = kind === 'audio' ? 'microphone' : 'camera'
      if (wish instanceof MediaStreamTrack)
        ready.push({ track: wish, options: { source }, constraints: undefined })
      else if (wish !== false) wanted[kind] = this.constraints(kind, wish === true ? {} : wish)
    }
    if (!wanted.audio && !wanted.video) return ready
    const tracks = await this.#devices.capture(wanted)
    return [
      ...ready,
      ...tracks.map((track): Captured => {
        const kind = track.kind === 'audio' ? 'audio' : 'video'
        const constraints = wanted[kind]
        return {
          track,
          options: { source: kind === 'audio' ? 'microphone' : 'camera' },
          constraints: typeof constraints === 'object' ? constraints : {},
        }
      }),
    ]
  }

  /** Captures what was captured before, once more. */
  async recapture(kind: 'audio' | 'video', constraints: MediaTrackConstraints): Promise<MediaStreamTrack> {
    const [track] = await this.#devices.capture({ [kind]: constraints })
    if (!track) throw new ParleyError('device-not-found', 'Nothing was captured')
    return track
  }

  /** Asks the user for a screen, and for its sound. */
  async captureScreen({
    audio = false,
    codec,
    contentHint = 'detail',
  }: ScreenShareOptions): Promise<Captured[]> {
    const tracks = await this.#devices.captureScreen({
      video: { frameRate: { ideal: contentHint === 'motion' ? 30 : 15, max: 30 } },
      audio,
    })
    return tracks.map((track): Captured => {
      if (track.kind === 'video') track.contentHint = contentHint
      const source = track.kind === 'video' ? 'screen' : 'screen-audio'
      return { track, options: { source, ...(codec && { codec }) }, constraints: {} }
    })
  }

  constraints(kind: 'audio' | 'video', wish: MediaTrackConstraints): MediaTrackConstraints {
    const deviceId = this.#deviceIds.get(kind)
    return {
      ...(kind === 'audio' ? microphoneDefaults : cameraDefaults),
      ...wish,
      ...(deviceId !== undefined && { deviceId: { exact: deviceId } }),
    }
  }
}
