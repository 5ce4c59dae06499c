/**
 * A place or a direction in the coordinates of Web Audio: x to the right, y up, z towards the viewer. The unit is the
 * application's own.
 */
export interface Position {
  x: number
  y: number
  z: number
}

export interface ListenerPosition extends Position {
  /** Where the listener looks; away from the viewer unless told. */
  forward?: Position
}

/** How sound gets quieter with distance, as in a PannerNode (W3C Web Audio, 1.27). */
export interface DistanceOptions {
  /** `inverse` unless told. */
  model?: DistanceModelType
  /** Up to here nothing gets quieter; 1 unless told. */
  referenceDistance?: number
  /** From here on nothing gets quieter in the model `linear`; 10,000 unless told. */
  maxDistance?: number
  /** How fast it gets quieter; 1 unless told. */
  rolloff?: number
}

const ahead: Position = { x: 0, y: 0, z: -1 }
/** Jumps in position would click. */
const glideSeconds = 0.03
const blockedAfterMs = 3_000

interface Voice {
  track: MediaStreamTrack
  source: MediaStreamAudioSourceNode
  panner: PannerNode
}

export interface SpatialAudioOptions {
  /** The browser waits for a click before it plays anything. */
  onBlocked: () => void
}

/**
 * Lets voices come from where they are placed, by head-related transfer functions: made for headphones. It owns its
 * audio context, which begins with the first voice that is placed; tracks belong to the room.
 */
export class SpatialAudio {
  readonly #options: SpatialAudioOptions
  readonly #voices = new Map<string, Voice>()
  #context: AudioContext | undefined
  #listener: ListenerPosition = { x: 0, y: 0, z: 0 }
  #distance: DistanceOptions = {}
  #deviceId = ''
  #blocked: ReturnType<typeof setTimeout> | undefined

  constructor(options: SpatialAudioOptions) {
    this.#options = options
  }

  get listener(): ListenerPosition {
    return this.#listener
  }

  setListener(listener: ListenerPosition): void {
    this.#listener = listener
    this.#placeListener()
  }

  setDistance(distance: DistanceOptions): void {
    this.#distance = distance
    for (const { panner } of this.#voices.values()) this.#shape(panner)
  }

  /** Plays a track from the place; a track that plays already moves there. `id` names the voice. */
  place(id: string, track: MediaStreamTrack, position: Position): void {
    const context = this.#begin()
    const present = this.#voices.get(id)
    if (present?.track === track) {
      move(present.panner, position, context)
      return
    }
    this.remove(id)
    const panner = new PannerNode(context, {
      panningModel: 'HRTF',
      positionX: position.x,
      positionY: position.y,
      positionZ: position.z,
    })
    this.#shape(panner)
    const source = context.createMediaStreamSource(new MediaStream([track]))
    source.connect(panner).connect(context.destination)
    this.#voices.set(id, { track, source, panner })
  }

  remove(id: string): void {
    const voice = this.#voices.get(id)
    if (!voice) return
    this.#voices.delete(id)
    voice.source.disconnect()
    voice.panner.disconnect()
  }

  /** Call it in the handler of a click. */
  async start(): Promise<void> {
    await this.#context?.resume()
  }

  /** In browsers whose audio contexts choose no loudspeaker it plays on the default one. */
  async setDevice(deviceId: string): Promise<void> {
    this.#deviceId = deviceId
    const context = this.#context as
      | (AudioContext & { setSinkId?: (id: string) => Promise<void> })
      | undefined
    await context?.setSinkId?.(deviceId)
  }

  close(): void {
    clearTimeout(this.#blocked)
    for (const id of [...this.#voices.keys()]) this.remove(id)
    void this.#context?.close()
    this.#context = undefined
  }

  #begin(): AudioContext {
    if (this.#context) return this.#context
    const context = new AudioContext({ latencyHint: 'interactive' })
    this.#context = context
    if (this.#deviceId !== '') void this.setDevice(this.#deviceId).catch(() => undefined)
    this.#placeListener()
    // Contexts begin suspended, and run a moment later where the browser lets them.
    this.#blocked = setTimeout(() => {
      if (context.state !== 'running') this.#options.onBlocked()
    }, blockedAfterMs)
    return context
  }

  #placeListener(): void {
    const context = this.#context
    if (!context) return
    const { listener } = context
    const { x, y, z, forward = ahead } = this.#listener
    if (!('positionX' in listener)) {
      // Firefox knows only the older form.
      const older = listener as AudioListener
      older.setPosition(x, y, z)
      older.setOrientation(forward.x, forward.y, forward.z, 0, 1, 0)
      return
    }
    glide(context, [
      [listener.positionX, x],
      [listener.positionY, y],
      [listener.positionZ, z],
      [listener.forwardX, forward.x],
      [listener.forwardY, forward.y],
      [listener.forwardZ, forward.z],
    ])
  }

  #shape(panner: PannerNode): void {
    const { model = 'inverse', referenceDistance = 1, maxDistance = 10_000, rolloff = 1 } = this.#distance
    panner.distanceModel = model
    panner.refDistance = referenceDistance
    panner.maxDistance = maxDistance
    panner.rolloffFactor = rolloff
  }
}

function move(panner: PannerNode, { x, y, z }: Position, context: AudioContext): void {
  glide(context, [
    [panner.positionX, x],
    [panner.positionY, y],
    [panner.positionZ, z],
  ])
}

function glide(context: AudioContext, targets: readonly (readonly [AudioParam, number])[]): void {
  for (const [parameter, value] of targets)
    parameter.setTargetAtTime(value, context.currentTime, glideSeconds)
}
