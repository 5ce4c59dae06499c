import type { IceServer, PublicationSource } from '@parley/contracts'
import { ParleyError } from '../parley-error.ts'
import { ConnectPatience } from './connect-watch.ts'
import type { Devices } from './devices.ts'
import { videoEncodings } from './encodings.ts'
import { LocalPublication } from './local-publication.ts'
import type { LocalParticipant } from './participant.ts'
import { ProcessorSlot } from './processor-slot.ts'
import {
  PublishConnection,
  type PublishConnectionOptions,
  type Section,
  type SectionWish,
} from './publish-connection.ts'
import { SealWatch } from './seal-watch.ts'
import type { RoomStatistics } from './statistics.ts'
import type { ProcessorFailure, TrackProcessor } from './track-processor.ts'
import type { MediaTransforms } from './transform/media-transforms.ts'
import { UplinkSound } from './uplink-sound.ts'
import { applyEncodings } from './video-cap.ts'
import { sendableCodec, sendsSpatialLayers, type VideoCodec } from './video-codecs.ts'

export interface PublishOptions {
  /** `camera` for video and `microphone` for audio unless told. */
  source?: PublicationSource
  name?: string
  muted?: boolean
  /** Several layers of a video; unless told, cameras of at least 480 lines have three. */
  simulcast?: boolean
  /**
   * Of a video, where this browser sends it, else VP8: all subscribers have to decode it. With VP9 and AV1 the layers are
   * inside one stream. VP8 unless told.
   */
  codec?: VideoCodec
}

export interface ScreenShareOptions {
  /** Asks for the sound of what is shared, too; the user may decline it. */
  audio?: boolean
  codec?: VideoCodec
  /** What matters: that text and lines stay sharp (`detail`, and unless told), or that a film moves (`motion`). */
  contentHint?: 'detail' | 'text' | 'motion'
}

/** `true` for the default device, or which one, or a track of the application's own. */
export type CaptureWish = boolean | MediaTrackConstraints | MediaStreamTrack

export interface LocalMediaOptions {
  /** Of videos for which nothing else is said. */
  codec?: VideoCodec | undefined
  local: LocalParticipant
  devices: Devices
  transforms: PublishConnectionOptions['transforms']
  /** In an end-to-end encrypted room. */
  sealing: () => MediaTransforms | undefined
  onSealing: (publication: LocalPublication) => void
  exchange: PublishConnectionOptions['exchange']
  sendMuted: (publicationId: string, muted: boolean) => Promise<unknown>
  onPath: (lost: boolean) => void
  onGivenUp: () => void
  onAdded: (publication: LocalPublication) => void
  onChanged: (publication: LocalPublication) => void
  onRemoved: (publication: LocalPublication) => void
  onProcessorFailed: (failure: ProcessorFailure) => void
}

interface Captured {
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

/** What this client captures and publishes. It owns the publish connection and the tracks it captured. */
export class LocalMedia {
  readonly #options: LocalMediaOptions
  readonly #deviceIds = new Map<'audio' | 'video', string>()
  /** By publication: layers that are asked for. The server may ask before its answer is read. */
  readonly #layers = new Map<string, readonly boolean[]>()
  /** How much of its video the processor cannot carry; see `sendSteps`. */
  #cpuStep = 0
  #iceServers: readonly IceServer[] = []
  #connection: PublishConnection | undefined
  readonly #patience = new ConnectPatience()
  readonly #uplinkSound = new UplinkSound()
  readonly #sealWatch = new SealWatch()
  /** Changes of tracks happen one after the other, so that fast clicks end in the state of the last one. */
  #turn: Promise<unknown> = Promise.resolve()
  #closed = false
  readonly #slots: Record<'audio' | 'video', ProcessorSlot>

  constructor(options: LocalMediaOptions) {
    this.#options = options
    const slot = (source: 'microphone' | 'camera') =>
      new ProcessorSlot(source, (failure) => this.#handleProcessorFailed(failure))
    this.#slots = { audio: slot('microphone'), video: slot('camera') }
  }

  get #publications(): Map<string, LocalPublication> {
    return this.#options.local.publications
  }

  /** Captures microphone and camera with one question to the user. */
  async capture(audio: CaptureWish, video: CaptureWish): Promise<Captured[]> {
    const ready: Captured[] = []
    const wanted: MediaStreamConstraints = {}
    for (const [kind, wish] of [['audio', audio] as const, ['video', video] as const]) {
      const source: PublicationSource = kind === 'audio' ? 'microphone' : 'camera'
      if (wish instanceof MediaStreamTrack)
        ready.push({ track: wish, options: { source }, constraints: undefined })
      else if (wish !== false) wanted[kind] = this.#constraints(kind, wish === true ? {} : wish)
    }
    if (!wanted.audio && !wanted.video) return ready
    const tracks = await this.#options.devices.capture(wanted)
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

  publish(captured: readonly Captured[]): Promise<LocalPublication[]> {
    return this.#inTurn(() => this.#publish(captured))
  }

  async unpublish(publication: LocalPublication): Promise<void> {
    if (!this.#publications.delete(publication.id)) return
    this.#layers.delete(publication.id)
    this.#slotOf(publication)?.stopFor(publication.captured)
    publication.end()
    this.#options.onRemoved(publication)
    await this.#connection?.release(publication.section)
    // When it cannot be told now, it is told once the signalling is back.
    await this.#connection?.negotiate().catch(() => undefined)
  }

  setMuted(publication: LocalPublication, muted: boolean): Promise<void> {
    return this.#inTurn(async () => {
      if (publication.muted === muted) return
      await this.#applyMuted(publication, muted)
      await this.#tellMuted(publication)
    })
  }

  /** Turns a source on or off; on the first time it is captured and published. */
  async setSource(
    source: 'microphone' | 'camera',
    on: boolean,
    wish: MediaTrackConstraints = {},
  ): Promise<void> {
    const present = this.#options.local.publication(source)
    if (present) return this.setMuted(present, !on)
    if (!on) return
    const captured = await this.capture(source === 'microphone' && wish, source === 'camera' && wish)
    await this.publish(captured)
  }

  async startScreenShare(options: ScreenShareOptions): Promise<LocalPublication> {
    const { audio = false, codec, contentHint = 'detail' } = options
    const tracks = await this.#options.devices.captureScreen({
      video: { frameRate: { ideal: contentHint === 'motion' ? 30 : 15, max: 30 } },
      audio,
    })
    const captured = tracks.map((track): Captured => {
      if (track.kind === 'video') track.contentHint = contentHint
      track.addEventListener('ended', () => void this.stopScreenShare())
      const source = track.kind === 'video' ? 'screen' : 'screen-audio'
      return { track, options: { source, ...(codec && { codec }) }, constraints: {} }
    })
    const [screen] = await this.publish(captured)
    if (!screen) throw new ParleyError('device-not-found', 'Nothing was chosen to share')
    return screen
  }

  async stopScreenShare(): Promise<void> {
    for (const source of ['screen', 'screen-audio'] as const) {
      const publication = this.#options.local.publication(source)
      if (publication) await this.unpublish(publication)
    }
  }

  /** Captures from another device, now and in future. */
  async switchDevice(kind: 'audio' | 'video', deviceId: string): Promise<void> {
    this.#deviceIds.set(kind, deviceId)
    const publication = this.#options.local.publication(kind === 'audio' ? 'microphone' : 'camera')
    if (!publication?.isOwned) return
    publication.constraints = this.#constraints(kind, publication.constraints ?? {})
    await this.#inTurn(async () => {
      if (publication.muted && kind === 'video') return
      // Many phones cannot open two cameras at once.
      if (kind === 'video') publication.captured.stop()
      await this.#recapture(publication)
      this.#options.onChanged(publication)
    })
  }

  deviceId(kind: 'audio' | 'video'): string | undefined {
    const publication = this.#options.local.publication(kind === 'audio' ? 'microphone' : 'camera')
    return publication?.captured.getSettings().deviceId ?? this.#deviceIds.get(kind)
  }

  processor(kind: 'audio' | 'video'): TrackProcessor | undefined {
    return this.#slots[kind].processor
  }

  /** What the microphone or the camera captures goes through it, now and in future. */
  setProcessor(kind: 'audio' | 'video', processor: TrackProcessor | undefined): Promise<void> {
    return this.#inTurn(async () => {
      this.#slots[kind].set(processor)
      const publication = this.#options.local.publication(kind === 'audio' ? 'microphone' : 'camera')
      if (!publication || this.#isAsleep(publication)) return
      await publication.refresh()
      this.#options.onChanged(publication)
    })
  }

  /** The server muted it. */
  handleMuted(publicationId: string, muted: boolean): void {
    const publication = this.#publications.get(publicationId)
    if (!publication || !muted) return
    publication.toldMuted = true
    void this.#inTurn(() => this.#applyMuted(publication, true))
  }

  /** The server says which layers of a video somebody watches; the others need not be encoded. */
  handleLayers(publicationId: string, active: readonly boolean[]): void {
    this.#layers.set(publicationId, active)
    const publication = this.#publications.get(publicationId)
    if (publication) void this.#inTurn(() => this.#applyLayers(publication)).catch(() => undefined)
  }

  /** Gives up layers and frames of all videos, or takes them up again; see `sendSteps`. */
  setCpuStep(step: number): Promise<void> {
    this.#cpuStep = step
    return this.#inTurn(async () => {
      for (const publication of this.#publications.values()) {
        await this.#applyLayers(publication).catch(() => undefined) // One that was released takes no parameters.
      }
    })
  }

  /** A new place in the room: everything that was published is published again. */
  async handleFreshPlace(iceServers: readonly IceServer[]): Promise<void> {
    this.#iceServers = iceServers
    this.#layers.clear()
    const hadConnection = this.#connection !== undefined
    this.#connection?.close()
    this.#connection = undefined
    if (hadConnection) await this.#republish({ continues: false })
  }

  /** The same place with its media elsewhere: everything goes on over a new connection, under its present ids. */
  async handleMoved(): Promise<void> {
    if (!this.#connection) return
    this.#connection.close()
    this.#connection = undefined
    await this.#republish({ continues: true })
    for (const publication of this.#publications.values()) {
      void this.#inTurn(() => this.#applyLayers(publication)).catch(() => undefined)
    }
  }

  #republish(options: { continues: boolean }): Promise<void> {
    return this.#inTurn(async () => {
      const connection = this.#connect()
      const publications = [...this.#publications.values()].filter(
        ({ section }) => !connection.sections.includes(section),
      )
      if (publications.length === 0) return
      try {
        for (const publication of publications) {
          const { source, name, muted, captured: track } = publication
          publication.section = await connection.open(publication.track, {
            source,
            name,
            muted,
            ...this.#sending(track, source, publication),
            ...(options.continues && { continues: publication.id }),
          })
          if (muted && publication.isOwned && publication.kind === 'video') {
            await publication.section.transceiver.sender.replaceTrack(null)
          }
        }
        await connection.negotiate()
      } catch (error) {
        // Another connection took its place meanwhile, and the next turn publishes on that.
        if (this.#closed || this.#connection !== connection) return
        throw error
      }
      for (const publication of publications) {
        this.#publications.delete(publication.id)
        publication.id = publication.section.publicationId ?? publication.id
        publication.toldMuted = publication.muted
        this.#publications.set(publication.id, publication)
        this.#options.onChanged(publication)
        await this.#applyLayers(publication).catch(() => undefined)
      }
    })
  }

  /** The same place over a new socket: what the server could not be told is told now. */
  async handleResumed(): Promise<void> {
    await this.#connection?.handleResumed()
    await this.#inTurn(async () => {
      for (const publication of this.#publications.values()) await this.#tellMuted(publication)
    })
  }

  /** Sends sound as the server's reports of it ask for. */
  handleStatistics(statistics: RoomStatistics): void {
    const connection = this.#connection
    if (connection === undefined) return
    const isRepacked = this.#uplinkSound.update(connection.sections, statistics)
    // What cannot be told now goes with the next negotiation.
    if (isRepacked) connection.negotiate().catch(() => undefined)
    if (this.#options.sealing() !== undefined) this.#sealWatch.look(connection.sections, statistics)
  }

  publicationOfMid(mid: string): string | undefined {
    return this.#connection?.sections.find(({ transceiver }) => transceiver.mid === mid)?.publicationId
  }

  async getStats(): Promise<RTCStatsReport | undefined> {
    return this.#connection?.getStats()
  }

  close(): void {
    this.#closed = true
    this.#connection?.close()
    for (const slot of Object.values(this.#slots)) slot.stop()
    for (const publication of this.#publications.values()) publication.end()
    this.#publications.clear()
  }

  #connect(): PublishConnection {
    const { exchange, transforms, sealing, onPath, onGivenUp } = this.#options
    this.#connection ??= new PublishConnection({
      iceServers: this.#iceServers,
      transforms,
      sealing: sealing(),
      onSealing: (section) => {
        const publication = [...this.#publications.values()].find((each) => each.section === section)
        if (publication) this.#options.onSealing(publication)
      },
      exchange,
      patience: this.#patience,
      onSlow: () => void this.handleMoved().catch(onGivenUp),
      onLost: () => onPath(true),
      onBack: () => onPath(false),
      onGivenUp,
    })
    return this.#connection
  }

  async #publish(captured: readonly Captured[]): Promise<LocalPublication[]> {
    const stop = () => {
      for (const { track, constraints } of captured) if (constraints) track.stop()
    }
    if (this.#closed) {
      stop()
      throw new ParleyError('closed', 'The room was left')
    }
    if (captured.length === 0) return []
    const connection = this.#connect()
    const opened: { section: Section; sent: MediaStreamTrack; captured: Captured }[] = []
    try {
      for (const each of captured) {
        const { track, options } = each
        const source = options.source ?? (track.kind === 'audio' ? 'microphone' : 'camera')
        track.enabled = !options.muted
        // Processed before it is sent: not one picture may go out as it was captured.
        const slot = this.#slotOf({ source })
        const sent = slot && !this.#options.local.publication(source) ? await slot.process(track) : track
        sent.enabled = track.enabled
        const section = await connection.open(sent, {
          source,
          name: options.name,
          muted: options.muted ?? false,
          ...this.#sending(track, source, options),
        })
        opened.push({ section, sent, captured: each })
      }
      await connection.negotiate()
    } catch (error) {
      // The place was lost meanwhile: what was asked for is published in the new one.
      if (!this.#closed && this.#connection !== connection) return this.#publish(captured)
      stop()
      for (const { track } of captured) for (const slot of Object.values(this.#slots)) slot.stopFor(track)
      for (const { section } of opened) await connection.release(section)
      throw error
    }
    return opened.map(({ section, sent, captured: { track, options, constraints } }) => {
      const { simulcast, codec } = options
      const publication = new LocalPublication(
        section,
        { captured: track, sent },
        { constraints, simulcast, codec },
        {
          setMuted: (target, muted) => this.setMuted(target, muted),
          unpublish: (target) => this.unpublish(target),
          process: async (target, captured) => (await this.#slotOf(target)?.process(captured)) ?? captured,
        },
      )
      publication.id = section.publicationId ?? ''
      this.#publications.set(publication.id, publication)
      if (constraints && (section.source === 'microphone' || section.source === 'camera')) {
        this.#watchDevice(publication, track)
      }
      this.#options.onAdded(publication)
      void this.#applyLayers(publication).catch(() => undefined)
      return publication
    })
  }

  /** A server that is away is told after the next join. */
  async #tellMuted(publication: LocalPublication): Promise<void> {
    const { id, muted } = publication
    if (publication.toldMuted === muted) return
    try {
      await this.#options.sendMuted(id, muted)
      publication.toldMuted = muted
    } catch (error) {
      const isAway = error instanceof ParleyError && (error.retryable || error.code === 'closed')
      if (!isAway) throw error
    }
  }

  async #applyMuted(publication: LocalPublication, muted: boolean): Promise<void> {
    const stopsCapturing = publication.isOwned && publication.source === 'camera'
    publication.muted = muted
    publication.section.muted = muted
    this.#options.onChanged(publication)
    if (!stopsCapturing) {
      publication.setEnabled(!muted)
      return
    }
    if (muted) {
      // The light of a camera must go out when its owner says off.
      publication.captured.stop()
      this.#slotOf(publication)?.stopFor(publication.captured)
      await publication.section.transceiver.sender.replaceTrack(null)
      return
    }
    try {
      await this.#recapture(publication)
    } catch (error) {
      publication.muted = true
      publication.section.muted = true
      throw error
    } finally {
      this.#options.onChanged(publication)
    }
  }

  async #applyLayers({ id, section, kind, source }: LocalPublication): Promise<void> {
    if (kind === 'audio') return
    const { encodings: full, transceiver } = section
    const watched = this.#layers.get(id)
    await applyEncodings(transceiver.sender, { source, full, watched, step: this.#cpuStep })
  }

  async #recapture(publication: LocalPublication): Promise<void> {
    const constraints = publication.constraints ?? {}
    const [track] = await this.#options.devices.capture({ [publication.kind]: constraints })
    if (!track) throw new ParleyError('device-not-found', 'Nothing was captured')
    if (this.#closed) return track.stop()
    await publication.replaceTrack(track)
    this.#watchDevice(publication, track)
  }

  /** A device that is unplugged is followed by the default one; without one the publication is muted. */
  #watchDevice(publication: LocalPublication, track: MediaStreamTrack): void {
    const onEnded = () => {
      if (this.#closed || publication.captured !== track || !this.#publications.has(publication.id)) return
      const { deviceId: _, ...rest } = publication.constraints ?? {}
      publication.constraints = rest
      this.#deviceIds.delete(publication.kind)
      this.#inTurn(() => this.#recapture(publication)).then(
        () => this.#options.onChanged(publication),
        () => this.setMuted(publication, true).catch(() => undefined),
      )
    }
    track.addEventListener('ended', onEnded, { once: true })
  }

  /** Only the first publication of a device goes through its processor. */
  #slotOf(publication: { source: PublicationSource }): ProcessorSlot | undefined {
    const { source } = publication
    if (source !== 'microphone' && source !== 'camera') return undefined
    const first = this.#options.local.publication(source)
    if (publication instanceof LocalPublication && first && first !== publication) return undefined
    return this.#slots[source === 'microphone' ? 'audio' : 'video']
  }

  /** Nothing is captured for it until it is unmuted. */
  #isAsleep({ muted, isOwned, source }: LocalPublication): boolean {
    return muted && isOwned && source === 'camera'
  }

  #handleProcessorFailed(failure: ProcessorFailure): void {
    this.#options.onProcessorFailed(failure)
    void this.#inTurn(async () => {
      const publication = this.#options.local.publication(failure.source)
      if (this.#closed || !publication || this.#isAsleep(publication)) return
      await publication.refresh()
      this.#options.onChanged(publication)
    }).catch(() => undefined)
  }

  #constraints(kind: 'audio' | 'video', wish: MediaTrackConstraints): MediaTrackConstraints {
    const deviceId = this.#deviceIds.get(kind)
    return {
      ...(kind === 'audio' ? microphoneDefaults : cameraDefaults),
      ...wish,
      ...(deviceId !== undefined && { deviceId: { exact: deviceId } }),
    }
  }

  /** How a track is sent: in which codec and layers. */
  #sending(
    track: MediaStreamTrack,
    source: PublicationSource,
    wish: { simulcast?: boolean | undefined; codec?: VideoCodec | undefined },
  ): Pick<SectionWish, 'encodings' | 'codec'> {
    if (track.kind === 'audio') return { encodings: undefined, codec: undefined }
    const wanted = wish.codec ?? this.#options.codec
    // Sealing is defined for VP8 and VP9.
    const codec = sendableCodec(this.#options.sealing() !== undefined && wanted !== 'vp9' ? 'vp8' : wanted)
    const scales = (codec === 'vp9' || codec === 'av1') && sendsSpatialLayers()
    const { contentHint } = track
    const { height } = track.getSettings()
    const { simulcast } = wish
    return { encodings: videoEncodings({ source, height, simulcast, codec, scales, contentHint }), codec }
  }

  #inTurn<Result>(work: () => Promise<Result>): Promise<Result> {
    const result = this.#turn.then(work)
    this.#turn = result.catch(() => undefined)
    return result
  }
}
