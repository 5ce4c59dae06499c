import { Emitter } from '../emitter.ts'
import { ParleyError } from '../parley-error.ts'

export interface DevicesEvents {
  /** A device came or went, or names became readable after a permission. */
  changed: undefined
}

/** Cameras, microphones and loudspeakers of this browser. */
export class Devices extends Emitter<DevicesEvents> {
  readonly #changed = () => this.emit('changed', undefined)
  #listening = false

  /**
   * The devices, one entry each. Browsers hide names until the user has allowed capturing once, and some list
   * no `audiooutput` at all.
   */
  async list(kind?: MediaDeviceKind): Promise<MediaDeviceInfo[]> {
    const devices = await mediaDevices().enumerateDevices()
    return devices.filter(
      (device) => (kind === undefined || device.kind === kind) && device.deviceId !== 'communications',
    )
  }

  override on<Type extends keyof DevicesEvents>(
    type: Type,
    listener: (event: DevicesEvents[Type]) => void,
  ): () => void {
    if (!this.#listening && canCapture()) {
      this.#listening = true
      navigator.mediaDevices.addEventListener('devicechange', this.#changed)
    }
    return super.on(type, listener)
  }

  /** Captures; the caller owns the tracks and stops them. Rejects with a code of `Rtc.join`. */
  async capture(constraints: MediaStreamConstraints): Promise<MediaStreamTrack[]> {
    try {
      const stream = await mediaDevices().getUserMedia(constraints)
      this.#changed()
      return stream.getTracks()
    } catch (error) {
      throw captureError(error)
    }
  }

  /** Asks the user for a screen, window or tab; the caller owns the tracks. */
  async captureScreen(options: DisplayMediaStreamOptions): Promise<MediaStreamTrack[]> {
    const devices = mediaDevices()
    if (typeof devices.getDisplayMedia !== 'function') throw unsupported('This browser shares no screen')
    try {
      const stream = await devices.getDisplayMedia(options)
      return stream.getTracks()
    } catch (error) {
      throw captureError(error)
    }
  }

  /** @internal */
  close(): void {
    if (this.#listening) navigator.mediaDevices.removeEventListener('devicechange', this.#changed)
    this.#listening = false
    this.dropListeners()
  }
}

function canCapture(): boolean {
  return typeof navigator !== 'undefined' && navigator.mediaDevices !== undefined
}

function mediaDevices(): MediaDevices {
  // Browsers hide it on pages that came over plain http from another machine.
  if (!canCapture()) throw unsupported('Capturing needs a browser and a secure page (https or localhost)')
  return navigator.mediaDevices
}

function unsupported(detail: string): ParleyError {
  return new ParleyError('media-unsupported', detail)
}

/** W3C Media Capture and Streams, section 10.2: what getUserMedia rejects with. */
function captureError(cause: unknown): ParleyError {
  if (cause instanceof ParleyError) return cause
  const name = cause instanceof Error ? cause.name : ''
  const detail = cause instanceof Error ? cause.message : String(cause)
  switch (name) {
    case 'NotAllowedError':
    case 'SecurityError':
      return new ParleyError('permission-denied', detail, { cause })
    case 'NotFoundError':
    case 'OverconstrainedError':
      return new ParleyError('device-not-found', detail, { cause })
    case 'NotReadableError':
    case 'AbortError':
      return new ParleyError('device-busy', detail, { cause, retryable: true })
    default:
      return new ParleyError('media-unsupported', detail, { cause })
  }
}
