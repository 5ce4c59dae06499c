import type { PublicationSource, Publication as PublicationView } from '@parley/contracts'
import type { IngressTrack, LayerStats } from '@parley/fastpath'
import { familyOf } from '../connection/codecs.ts'
import type { PublishedSection } from '../connection/publish-connection.ts'
import { LayerState } from './layer-state.ts'
import { largestSize } from './layers.ts'
import type { Participant } from './participant.ts'
import type { Subscription } from './subscription.ts'

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

/** Something a participant shows or plays. Its owner makes and ends it; its track belongs to the owner's connection. */
export class Publication {
  readonly id: string
  readonly owner: Participant
  readonly source: PublicationSource
  readonly name: string | undefined
  readonly section: PublishedSection
  readonly layers: LayerState[]
  /** A live view for the room; entered and left by the subscriptions themselves. */
  readonly subscriptions = new Set<Subscription>()
  #muted: boolean
  #loudEnough = true

  constructor(options: PublicationOptions) {
    const { id, owner, source, name, muted, section } = options
    this.id = id
    this.owner = owner
    this.source = source
    this.name = name
    this.section = section
    this.#muted = muted
    this.layers = Array.from({ length: section.layerCount }, () => new LayerState())
    byTrack.set(section.track, this)
    if (muted) this.#setGate()
    this.#watchLayers()
  }

  get kind(): 'audio' | 'video' {
    return this.section.kind
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

  /** Takes what was counted of its layers. */
  measure(layers: readonly LayerStats[]): void {
    for (const { layer: index, bitrate, payloadType } of layers) {
      const codec = this.section.codecs.find((one) => one.payloadType === payloadType)
      const family = codec && familyOf(codec)
      // Browsers send temporal layers along with simulcast, in these codecs.
      const temporal = this.layers.length > 1 && (family === 'vp8' || family === 'vp9')
      this.layers[index]?.measure({ bitrate, temporal })
    }
  }

  /** Tells its publisher which layers somebody watches, when that changed and stayed so. */
  lookAtWatchers(nowMs: number): void {
    const { via } = this.owner
    if (this.kind !== 'video' || via !== 'member' || this.#muted) return
    const watched = new Set<number>()
    for (const { active, layer } of this.subscriptions) {
      if (!active || layer === undefined) continue
      watched.add(layer)
      // What is fallen back to while a better one is missing.
      watched.add(0)
    }
    let changed = false
    for (const [index, layer] of this.layers.entries()) {
      changed = layer.setWatched(watched.has(index), nowMs) || changed
    }
    if (changed) this.tellLayers()
  }

  /** Repeats what was told, for a publisher that may not have heard. */
  tellLayers(): void {
    const active = this.layers.map(({ wanted }) => wanted)
    const { owner, id: publicationId } = this
    owner.send({ type: 'rtc.publication-layers', roomId: owner.room.id, publicationId, active })
  }

  #setGate(): void {
    this.section.track.setGate(!this.#muted && this.#loudEnough)
  }

  #updateSubscriptions(): void {
    for (const subscription of this.subscriptions) subscription.update()
  }

  #watchLayers(): void {
    const change = (index: number, facts: { running: boolean; width?: number; height?: number }): void => {
      const layer = this.layers[index]
      if (layer === undefined) return
      const before = largestSize(this.layers)
      layer.change(facts)
      this.#updateSubscriptions()
      const after = largestSize(this.layers)
      if (before?.width !== after?.width || before?.height !== after?.height) {
        this.owner.room.announceChange(this)
      }
    }
    // The listeners go with the track.
    this.section.track.on('layer.started', ({ layer }) => change(layer, { running: true }))
    // A still screen sends nothing for seconds and is no dead stream: only among several does a layer stop.
    if (this.layers.length > 1) {
      this.section.track.on('layer.stopped', ({ layer }) => change(layer, { running: false }))
    }
    this.section.track.on('layer.resized', ({ layer, width, height }) =>
      change(layer, { running: true, width, height }),
    )
  }
}
