import type { PublicationSource, Publication as PublicationView } from '@parley/contracts'
import type { IngressTrack, LayerStats } from '@parley/fastpath'
import type { PublishedSection } from '../connection/publish-connection.ts'
import type { MediaWorker } from '../sfu/media-worker.ts'
import { type Layer, largestSize } from './layers.ts'
import type { Participant } from './participant.ts'
import { type PacketLayer, PublicationLayers } from './publication-layers.ts'
import { Relays } from './relays.ts'
import type { Subscription } from './subscription.ts'
import { UplinkWait } from './uplink-wait.ts'

export interface PublicationOptions {
  id: string
  owner: Participant
  source: PublicationSource
  name: string | undefined
  muted: boolean
  section: PublishedSection
}

const byTrack = new WeakMap<IngressTrack, Publication>()

/** The publication a track belongs to: levels come by track. */
export function publicationOf(track: IngressTrack): Publication | undefined {
  return byTrack.get(track)
}

/**
 * Something a participant shows or plays. Its owner makes and ends it; its track belongs to the owner's connection and
 * is another one after the owner moved. Owns its relays to other workers.
 */
export class Publication {
  readonly id: string
  readonly owner: Participant
  readonly source: PublicationSource
  readonly name: string | undefined
  readonly relays: Relays
  /** A live view for the room; entered and left by the subscriptions themselves. */
  readonly subscriptions = new Set<Subscription>()
  readonly #layers: PublicationLayers
  readonly #uplinkWait = new UplinkWait()
  #payloadType: number | undefined
  #muted: boolean
  #loudEnough = true
  #section: PublishedSection
  #stranded = false

  constructor(options: PublicationOptions) {
    const { id, owner, source, name, muted, section } = options
    this.id = id
    this.owner = owner
    this.source = source
    this.name = name
    this.#section = section
    this.#muted = muted
    this.#layers = new PublicationLayers(section.layerCount)
    this.relays = new Relays(this)
    this.#takeTrack()
  }

  get section(): PublishedSection {
    return this.#section
  }

  /** Its worker ended, and its owner has not taken it up on another. */
  get stranded(): boolean {
    return this.#stranded
  }

  /** Where subscribers of a worker get it; undefined while it is stranded. */
  trackAt(worker: MediaWorker): IngressTrack | undefined {
    if (this.#stranded || !worker.running) return undefined
    return worker === this.owner.worker ? this.#section.track : this.relays.trackAt(worker)
  }

  /** Its worker ended. The publication stays, without media, until it is resumed or removed. */
  strand(): void {
    if (this.#stranded) return
    this.#stranded = true
    this.relays.close()
    this.#layers.handleStranded()
    this.#updateSubscriptions()
  }

  /** Whether what a new section carries is understood by everybody who agreed to the old one. */
  fits({ kind, codecs, layerCount }: PublishedSection): boolean {
    const { section } = this
    if (kind !== section.kind || layerCount !== section.layerCount) return false
    return JSON.stringify(codecs) === JSON.stringify(section.codecs)
  }

  /** Goes on in a section of a new connection; all that was agreed with subscribers holds. */
  resume(section: PublishedSection): void {
    this.#section = section
    this.#stranded = false
    this.#takeTrack()
    for (const subscription of this.subscriptions) subscription.handleTrackChanged()
    this.tellLayers()
  }

  get kind(): 'audio' | 'video' {
    return this.section.kind
  }

  /** Simulcast streams, or the spatial layers of one; ascending in quality. */
  get layers(): readonly Layer[] {
    return this.#layers.list
  }

  packetLayer(index: number): PacketLayer {
    return this.#layers.packetLayer(index)
  }

  get muted(): boolean {
    return this.#muted
  }

  /** False while the room has enough louder microphones. */
  get loudEnough(): boolean {
    return this.#loudEnough
  }

  /** Whether it is a voice that competes for being forwarded. */
  get isVoice(): boolean {
    return this.kind === 'audio' && this.source !== 'screen-audio'
  }

  /** Answers whether that is a change. */
  setMuted(muted: boolean): boolean {
    if (this.#muted === muted) return false
    this.#muted = muted
    this.#setGate()
    this.#updateSubscriptions()
    return true
  }

  setLoudEnough(loudEnough: boolean): void {
    if (this.#loudEnough === loudEnough) return
    this.#loudEnough = loudEnough
    this.#setGate()
    this.#updateSubscriptions()
  }

  view(): PublicationView {
    const size = largestSize(this.layers)
    return {
      id: this.id,
      kind: this.kind,
      source: this.source,
      muted: this.#muted,
      ...(this.name !== undefined && { name: this.name }),
      ...(size && { width: size.width, height: size.height }),
    }
  }

  /** What its media comes as, under the publisher's numbers; undefined before the first of it. */
  get payloadType(): number | undefined {
    return this.#payloadType
  }

  /** How long its pictures should wait at receivers for what is repaired on their way in, in milliseconds. */
  get waitMs(): number {
    return this.#uplinkWait.waitMs
  }

  /** Takes what was counted of its layers. */
  measure(layers: readonly LayerStats[]): void {
    if (this.kind === 'video' && this.#uplinkWait.update(layers)) {
      for (const subscription of this.subscriptions) subscription.applyWait()
    }
    const running = () => this.layers.map((layer) => layer.running).join()
    const before = running()
    this.#layers.measure(layers)
    if (running() !== before) this.#updateSubscriptions()
  }

  /** Tells its publisher which layers somebody watches, when that changed and stayed so. */
  lookAtWatchers(nowMs: number): void {
    const { via } = this.owner
    if (this.kind !== 'video' || via !== 'member' || this.#muted) return
    const watched: number[] = []
    for (const { active, layer } of this.subscriptions) {
      if (active && layer !== undefined) watched.push(layer)
    }
    if (this.#layers.setWatched(watched, nowMs)) this.tellLayers()
  }

  /** Repeats what was told, for a publisher that may not have heard. */
  tellLayers(): void {
    const active = this.#layers.list.map(({ wanted }) => wanted)
    const { owner, id: publicationId } = this
    owner.send({ type: 'rtc.publication-layers', roomId: owner.room.id, publicationId, active })
  }

  #takeTrack(): void {
    byTrack.set(this.#section.track, this)
    if (this.#muted || !this.#loudEnough) this.#setGate()
    this.#watchLayers()
  }

  #setGate(): void {
    this.section.track.setGate(!this.#muted && this.#loudEnough)
  }

  #updateSubscriptions(): void {
    for (const subscription of this.subscriptions) subscription.update()
  }

  #watchLayers(): void {
    const { track } = this.section
    const change = (apply: () => void): void => {
      const before = largestSize(this.layers)
      apply()
      this.#updateSubscriptions()
      const after = largestSize(this.layers)
      if (before?.width !== after?.width || before?.height !== after?.height) {
        this.owner.room.announceChange(this)
      }
    }
    // The listeners go with the track.
    track.on('layer.started', ({ layer, payloadType }) =>
      change(() => {
        this.#payloadType = payloadType
        this.#layers.handleStarted(layer)
      }),
    )
    track.on('layer.stopped', ({ layer }) => change(() => this.#layers.handleStopped(layer)))
    track.on('layer.resized', (event) => change(() => this.#layers.handleResized(event)))
  }
}
