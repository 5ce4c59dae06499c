import type { PublicationSource, SubscriptionReason } from '@parley/contracts'
import type { EgressStream } from '@parley/fastpath'
import type { NegotiatedTrack } from '../connection/subscribe-connection.ts'
import type { UsageFacts } from '../usage/usage-meter.ts'
import type { Reducible } from './downlink.ts'
import { chooseLayer, largestSize } from './layers.ts'
import type { Participant } from './participant.ts'
import type { Publication } from './publication.ts'

/** What a subscriber wants of a publication. */
export interface Wish {
  enabled: boolean
  width: number | undefined
  height: number | undefined
}

export const defaultWish: Wish = { enabled: true, width: undefined, height: undefined }

/**
 * One publication on its way to one participant. It decides whether and in which layer it is sent, tells the subscriber
 * when that changes, and meters it. Its participant makes and ends it.
 */
export class Subscription implements Reducible {
  readonly subscriber: Participant
  readonly publication: Publication
  #wish: Wish
  #stream: EgressStream | undefined
  #incompatible = false
  #state: { active: boolean; reason: SubscriptionReason } = { active: false, reason: 'no-media' }
  #layer: number | undefined
  #paused = true
  #highestLayer = Number.POSITIVE_INFINITY

  constructor(subscriber: Participant, publication: Publication, wish: Wish) {
    this.subscriber = subscriber
    this.publication = publication
    this.#wish = wish
    publication.subscriptions.add(this)
  }

  get stream(): EgressStream | undefined {
    return this.#stream
  }

  get layer(): number | undefined {
    return this.#layer
  }

  get active(): boolean {
    return this.#state.active
  }

  get source(): PublicationSource {
    return this.publication.source
  }

  get highestLayer(): number {
    return this.#highestLayer
  }

  /** The subscriber agreed to it, or has no codec for it. */
  negotiated(track: NegotiatedTrack | undefined): void {
    this.#stream?.close()
    this.#stream = undefined
    this.#incompatible = track === undefined
    const transport = this.subscriber.receiving?.server.transport
    if (track !== undefined && transport !== undefined && !transport.closed) {
      const { kind, section } = this.publication
      this.#layer = kind === 'video' ? this.#chosenLayer() : 0
      this.#paused = true
      this.#stream = transport.createStream(section.track, {
        ...{ kind, paused: true, layer: this.#layer ?? 0, cname: this.publication.owner.id },
        ...{ mid: track.mid, ssrc: track.ssrc, payloads: track.payloads, extensions: track.extensions },
        ...(track.rtxSsrc !== 0 && { rtxSsrc: track.rtxSsrc }),
      })
    }
    this.update()
  }

  setWish(wish: Wish): void {
    this.#wish = wish
    this.update()
  }

  /** No layer above this one until told otherwise: what the subscriber's path carries. */
  setHighestLayer(highest: number): void {
    if (this.#highestLayer === highest) return
    this.#highestLayer = highest
    this.update()
  }

  /** Looks at everything again and acts on what changed. */
  update(): void {
    const stream = this.#stream
    const layer = this.publication.kind === 'video' ? this.#chosenLayer() : 0
    const state = this.#judge(layer)
    if (stream !== undefined) {
      const paused = state.reason === 'disabled-by-subscriber'
      if (layer !== undefined && layer !== this.#layer) {
        this.#layer = layer
        stream.selectLayer(layer)
      }
      if (paused !== this.#paused) {
        this.#paused = paused
        stream.setPaused(paused)
      }
    }
    const changed = state.active !== this.#state.active || state.reason !== this.#state.reason
    this.#state = state
    this.#meter()
    if (changed) this.subscriber.tellSubscription(this.publication.id, state)
  }

  close(): void {
    this.publication.subscriptions.delete(this)
    this.#stream?.close()
    this.#stream = undefined
    this.subscriber.room.usage.set(this, undefined)
  }

  #chosenLayer(): number | undefined {
    const { layers } = this.publication
    const wanted = chooseLayer(layers, this.#wish)
    if (wanted === undefined || wanted <= this.#highestLayer) return wanted
    return chooseLayer(
      layers.map((layer, index) => ({ ...layer, running: layer.running && index <= this.#highestLayer })),
      this.#wish,
    )
  }

  #judge(layer: number | undefined): { active: boolean; reason: SubscriptionReason } {
    const off = (reason: SubscriptionReason) => ({ active: false, reason })
    const { enabled, width, height } = this.#wish
    if (!enabled || width === 0 || height === 0) return off('disabled-by-subscriber')
    if (this.publication.muted) return off('muted')
    if (!this.publication.loudEnough) return off('not-loudest')
    if (this.#stream === undefined || this.#incompatible) return off('no-media')
    if (layer === undefined || !this.publication.layers.some(({ running }) => running)) return off('no-media')
    const limited = this.#highestLayer < (chooseLayer(this.publication.layers, this.#wish) ?? 0)
    return { active: true, reason: limited ? 'bandwidth' : 'ok' }
  }

  #meter(): void {
    const { room } = this.subscriber
    if (!this.#state.active) {
      room.usage.set(this, undefined)
      return
    }
    const { id: publicationId, kind, source, layers } = this.publication
    const size = this.#layer === undefined ? undefined : layers[this.#layer]
    const published = largestSize(layers)
    const facts: UsageFacts = {
      projectId: room.projectId,
      subscriber: this.subscriber.id,
      publication: publicationId,
      kind: kind === 'audio' ? 'rtc-audio' : source === 'screen' ? 'rtc-screen' : 'rtc-video',
      source: room.measuredBy,
      ...(size?.width !== undefined &&
        size.height !== undefined && { received: { width: size.width, height: size.height } }),
      ...(published && { published }),
    }
    room.usage.set(this, facts)
  }
}
