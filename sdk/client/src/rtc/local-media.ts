import type { IceServer, PublicationSource } from '@parley/contracts'
import { ParleyError } from '../parley-error.ts'
import { ConnectPatience } from './connect-watch.ts'
import type { Devices } from './devices.ts'
import { type Captured, LocalCapture } from './local-capture.ts'
import { isAsleep, LocalMuting } from './local-muting.ts'
import { LocalProcessors } from './local-processors.ts'
import { LocalPublication } from './local-publication.ts'
import type { LocalParticipant } from './participant.ts'
import {
  PublishConnection,
  type PublishConnectionOptions,
  type Section,
  type SectionWish,
} from './publish-connection.ts'
import type { CaptureWish, ScreenShareOptions } from './publish-options.ts'
import { SealWatch } from './seal-watch.ts'
import { SentLayers } from './sent-layers.ts'
import type { RoomStatistics } from './statistics.ts'
import type { ProcessorFailure, TrackProcessor } from './track-processor.ts'
import type { MediaTransforms } from './transform/media-transforms.ts'
import { UplinkSound } from './uplink-sound.ts'
import type { VideoCodec } from './video-codecs.ts'
import { sendingOf } from './video-sending.ts'

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

/** What this client captures and publishes. It owns the publish connection and the tracks it captured. */
export class LocalMedia {
  readonly #options: LocalMediaOptions
  readonly #capture: LocalCapture
  readonly #processors: LocalProcessors
  readonly #muting: LocalMuting
  readonly #layers = new SentLayers()
  #iceServers: readonly IceServer[] = []
  #connection: PublishConnection | undefined
  readonly #patience = new ConnectPatience()
  readonly #uplinkSound = new UplinkSound()
  readonly #sealWatch = new SealWatch()
  /** Changes of tracks happen one after the other, so that fast clicks end in the state of the last one. */
  #turn: Promise<unknown> = Promise.resolve()
  #closed = false

  constructor(options: LocalMediaOptions) {
    this.#options = options
    this.#capture = new LocalCapture(options.devices)
    this.#processors = new LocalProcessors(options.local, (failure) => this.#handleProcessorFailed(failure))
    this.#muting = new LocalMuting({
      sendMuted: options.sendMuted,
      recapture: (publication) => this.#recapture(publication),
      onAsleep: (publication) => this.#processors.stopFor(publication),
      onChanged: options.onChanged,
    })
  }

  get #publications(): Map<string, LocalPublication> {
    return this.#options.local.publications
  }

  /** Captures microphone and camera with one question to the user. */
  capture(audio: CaptureWish, video: CaptureWish): Promise<Captured[]> {
    return this.#capture.capture(audio, video)
  }

  publish(captured: readonly Captured[]): Promise<LocalPublication[]> {
    return this.#inTurn(() => this.#publish(captured))
  }

  async unpublish(publication: LocalPublication): Promise<void> {
    if (!this.#publications.delete(publication.id)) return
    this.#layers.forget(publication.id)
    this.#processors.stopFor(publication)
    publication.end()
    this.#options.onRemoved(publication)
    await this.#connection?.release(publication.section)
    // When it cannot be told now, it is told once the signalling is back.
    await this.#connection?.negotiate().catch(() => undefined)
  }

  setMuted(publication: LocalPublication, muted: boolean): Promise<void> {
    return this.#inTurn(async () => {
      if (publication.muted === muted) return
      await this.#muting.apply(publication, muted)
      await this.#muting.tell(publication)
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
    const captured = await this.#capture.captureScreen(options)
    for (const { track } of captured) track.addEventListener('ended', () => void this.stopScreenShare())
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
    this.#capture.chooseDevice(kind, deviceId)
    const publication = this.#options.local.publication(kind === 'audio' ? 'microphone' : 'camera')
    if (!publication?.isOwned) return
    publication.constraints = this.#capture.constraints(kind, publication.constraints ?? {})
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
    return publication?.captured.getSettings().deviceId ?? this.#capture.chosenDevice(kind)
  }

  processor(kind: 'audio' | 'video'): TrackProcessor | undefined {
    return this.#processors.get(kind)
  }

  /** What the microphone or the camera captures goes through it, now and in future. */
  setProcessor(kind: 'audio' | 'video', processor: TrackProcessor | undefined): Promise<void> {
    return this.#inTurn(async () => {
      this.#processors.set(kind, processor)
      const publication = this.#options.local.publication(kind === 'audio' ? 'microphone' : 'camera')
      if (!publication || isAsleep(publication)) return
      await publication.refresh()
      this.#options.onChanged(publication)
    })
  }

  /** The server muted it. */
  handleMuted(publicationId: string, muted: boolean): void {
    const publication = this.#publications.get(publicationId)
    if (!publication || !muted) return
    publication.toldMuted = true
    void this.#inTurn(() => this.#muting.apply(publication, true))
  }

  /** The server says which layers of a video somebody watches; the others need not be encoded. */
  handleLayers(publicationId: string, active: readonly boolean[]): void {
    this.#layers.setWatched(publicationId, active)
    const publication = this.#publications.get(publicationId)
    if (publication) void this.#inTurn(() => this.#layers.apply(publication))
  }

  /** Gives up layers and frames of all videos, or takes them up again; see `sendSteps`. */
  setCpuStep(step: number): Promise<void> {
    this.#layers.setCpuStep(step)
    return this.#inTurn(async () => {
      for (const publication of this.#publications.values()) await this.#layers.apply(publication)
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
      void this.#inTurn(() => this.#layers.apply(publication))
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
        await this.#layers.apply(publication)
      }
    })
  }

  /** The same place over a new socket: what the server could not be told is told now. */
  async handleResumed(): Promise<void> {
    await this.#connection?.handleResumed()
    await this.#inTurn(async () => {
      for (const publication of this.#publications.values()) await this.#muting.tell(publication)
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
    this.#processors.stop()
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
        const sent = await this.#processors.processFirst(source, track)
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
      for (const { track } of captured) this.#processors.stopForTrack(track)
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
          process: (target, captured) => this.#processors.process(target, captured),
        },
      )
      publication.id = section.publicationId ?? ''
      this.#publications.set(publication.id, publication)
      if (constraints && (section.source === 'microphone' || section.source === 'camera')) {
        this.#watchDevice(publication, track)
      }
      this.#options.onAdded(publication)
      void this.#layers.apply(publication)
      return publication
    })
  }

  async #recapture(publication: LocalPublication): Promise<void> {
    const track = await this.#capture.recapture(publication.kind, publication.constraints ?? {})
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
      this.#capture.forgetDevice(publication.kind)
      this.#inTurn(() => this.#recapture(publication)).then(
        () => this.#options.onChanged(publication),
        () => this.setMuted(publication, true).catch(() => undefined),
      )
    }
    track.addEventListener('ended', onEnded, { once: true })
  }

  #handleProcessorFailed(failure: ProcessorFailure): void {
    this.#options.onProcessorFailed(failure)
    void this.#inTurn(async () => {
      const publication = this.#options.local.publication(failure.source)
      if (this.#closed || !publication || isAsleep(publication)) return
      await publication.refresh()
      this.#options.onChanged(publication)
    }).catch(() => undefined)
  }

  #sending(
    track: MediaStreamTrack,
    source: PublicationSource,
    { simulcast, codec }: { simulcast?: boolean | undefined; codec?: VideoCodec | undefined },
  ): Pick<SectionWish, 'encodings' | 'codec'> {
    const isSealed = this.#options.sealing() !== undefined
    return sendingOf(track, { source, simulcast, codec: codec ?? this.#options.codec, isSealed })
  }

  #inTurn<Result>(work: () => Promise<Result>): Promise<Result> {
    const result = this.#turn.then(work)
    this.#turn = result.catch(() => undefined)
    return result
  }
}
