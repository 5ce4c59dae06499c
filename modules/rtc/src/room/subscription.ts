import type { PublicationSource, SubscriptionReason } from '@parley/contracts'
import type { EgressStream } from '@parley/fastpath'
import { familyOf } from '../connection/codecs.ts'
import type { NegotiatedTrack } from '../connection/subscribe-connection.ts'
import type { UsageFacts } from '../usage/usage-meter.ts'
import type { Allocable } from './allocation.ts'
import type { VideoAllotment, VideoRequest } from './allocator.ts'
import type { Reducible } from './downlink.ts'
import { type FecFacts, FecShare, type RepairCounters } from './fec-share.ts'
import { chooseLayer, largestSize } from './layers.ts'
import type { Participant } from './participant.ts'
import type { Publication } from './publication.ts'
import { copiesAhead, type PathLoss, repairOf } from './repair.ts'
import { allFrames, videoSteps } from './video-steps.ts'

/** What a subscriber wants of a publication. */
export interface Wish {
  enabled: boolean
  width: number | undefined
  height: number | undefined
}

/** Bits a second of sound until it is measured. */
const audioGuess = 40_000

/** Requests to a publisher are this far apart: who comes in between begins where the last one was answered. */
const recentKeyFrameMs = 600

/** What receivers do by themselves is not limited; it is what they take without being told. */
const mostPlayoutMs = 10_000

export const defaultWish: Wish = { enabled: true, width: undefined, height: undefined }

/**
 * One publication on its way to one participant. It decides whether and in which layer it is sent, tells the subscriber
 * when that changes, and meters it. Its participant makes and ends it.
 */
export class Subscription implements Reducible, Allocable {
  readonly subscriber: Participant
  readonly publication: Publication
  #wish: Wish
  #stream: EgressStream | undefined
  #incompatible = false
  /** Payload types of the publisher that the subscriber takes. */
  #taken: readonly number[] = []
  #state: { active: boolean; reason: SubscriptionReason } = { active: false, reason: 'no-media' }
  #layer: number | undefined
  #paused = true
  #selected = ''
  #highestLayer = Number.POSITIVE_INFINITY
  #allotment: VideoAllotment | undefined
  #red = false
  /** Where the subscriber agreed to it. */
  #fecShare: FecShare | undefined
  #repair = ''
  #copies = 0
  /** What the receiver was told last, in milliseconds. */
  #waitMs = 0
  /** Those that would go ahead if there were room. */
  #copiesAhead = 0

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

  /** Why it is sent as it is, or not sent. */
  get reason(): SubscriptionReason {
    return this.#state.reason
  }

  /** The layer that is wanted, whatever the path carries. */
  get wantedLayer(): number | undefined {
    return this.publication.kind === 'video'
      ? chooseLayer(this.publication.layers, this.#wish, this.source)
      : undefined
  }

  /** Of each packet, that follow unasked. */
  get copies(): number {
    return this.#copies
  }

  get audioBitrate(): number {
    if (this.publication.kind !== 'audio' || this.#hindrance() !== undefined) return 0
    return this.publication.layers[0]?.bitrate || audioGuess
  }

  /** Packets of protection and copies sent ahead for one of its media that would be sent if there were room. */
  get protection(): number {
    return (this.#fecShare?.wanted ?? 0) + this.#copiesAhead
  }

  videoRequest(): VideoRequest | undefined {
    if (this.publication.kind !== 'video' || this.#hindrance() !== undefined) return undefined
    const { id, source, layers, owner } = this.publication
    const { width, height } = this.#wish
    const steps = videoSteps(layers, this.wantedLayer ?? -1, source)
    if (steps.length === 0) return undefined
    const pixels = width === undefined || height === undefined ? undefined : width * height
    return { id, source, speaking: owner.speaking, pixels, steps }
  }

  /** What the subscriber's path has room for; undefined while that is not known. */
  setAllotment(allotment: VideoAllotment | undefined): void {
    const before = this.#allotment
    this.#allotment = allotment
    const same = before?.limited === allotment?.limited && before?.step?.layer === allotment?.step?.layer
    if (!same || before?.step?.temporalLayer !== allotment?.step?.temporalLayer) this.#apply()
  }

  /** The subscriber agreed to it, or has no codec for it. */
  negotiated(track: NegotiatedTrack | undefined): void {
    this.#stream?.close()
    this.#stream = undefined
    this.#incompatible = track === undefined
    this.#taken = track?.payloads.map(({ from }) => from) ?? []
    this.#selected = ''
    this.#red = track !== undefined && this.#takesRed(track)
    this.#repair = ''
    this.#copies = 0
    this.#waitMs = 0
    this.#copiesAhead = 0
    this.#fecShare = track?.protection === undefined ? undefined : new FecShare()
    const transport = this.subscriber.receiving?.server.transport
    if (track !== undefined && transport !== undefined && !transport.closed) {
      const { kind } = this.publication
      this.#layer = kind === 'video' ? this.#chosenLayer() : 0
      this.#paused = true
      this.#stream = transport.createStream(this.publication.trackAt(this.subscriber.worker), {
        ...{ kind, paused: true, cname: this.publication.owner.id },
        ...this.publication.packetLayer(this.#layer ?? 0),
        ...{ mid: track.mid, ssrc: track.ssrc, payloads: track.payloads, extensions: track.extensions },
        ...(track.rtxSsrc !== 0 && { rtxSsrc: track.rtxSsrc }),
        ...track.protection,
        ...(this.subscriber.via === 'whep'
          ? { startFromCache: true }
          : { startFromCacheMs: recentKeyFrameMs }),
      })
      this.applyWait()
    }
    this.update()
  }

  /** The publication comes from another track now. */
  handleTrackChanged(): void {
    if (this.#stream !== undefined && !this.#stream.closed) {
      this.#stream.setSource(this.publication.trackAt(this.subscriber.worker), this.#layer ?? 0)
    }
    this.update()
  }

  /** What the subscriber wants from now on; `update` acts on it. */
  takeWish(wish: Wish): void {
    this.#wish = wish
  }

  /** No layer above this one until told otherwise: what the subscriber's path carries. */
  setHighestLayer(highest: number): void {
    if (this.#highestLayer === highest) return
    this.#highestLayer = highest
    this.update()
  }

  /** Looks at everything again and acts on what changed. */
  update(): void {
    // What it takes, others have no more.
    if (this.publication.kind === 'video') this.subscriber.allocation.allocate()
    this.#apply()
  }

  #apply(): void {
    const stream = this.#stream
    const layer = this.publication.kind === 'video' ? this.#chosenLayer() : 0
    const state = this.#judge(layer)
    if (stream !== undefined) {
      const starved = state.reason === 'bandwidth' && !state.active
      const paused = state.reason === 'disabled-by-subscriber' || starved
      if (layer !== undefined) {
        this.#layer = layer
        this.#select(stream, layer, this.#allotment?.step?.temporalLayer ?? allFrames)
      }
      if (paused !== this.#paused) {
        this.#paused = paused
        stream.setPaused(paused)
      }
    }
    this.#demand(state.active ? layer : undefined)
    const changed = state.active !== this.#state.active || state.reason !== this.#state.reason
    this.#state = state
    this.#meter()
    if (changed) this.subscriber.tellSubscription(this.publication.id, state)
  }

  /** Sets what is done against losses, as its path loses. */
  setRepair(path: PathLoss | FecFacts): void {
    const fecShare = 'roundTripMs' in path ? this.#fecShare?.update(path, performance.now()) : 0
    this.#copiesAhead = this.publication.kind === 'video' ? copiesAhead(path) : 0
    const options = repairOf(this.publication.kind, path, { red: this.#red, fecShare: fecShare ?? 0 })
    const key = JSON.stringify(options)
    if (this.#stream === undefined || key === this.#repair) return
    this.#repair = key
    this.#copies = options.copies ?? 0
    this.#stream.setRepair(options)
  }

  /** Tells the receiver how long the publication should wait there, with each packet from now on. */
  applyWait(): void {
    const { waitMs } = this.publication
    if (this.#stream === undefined || this.#stream.closed || waitMs === this.#waitMs) return
    this.#waitMs = waitMs
    this.#stream.setPlayoutDelay({ minMs: waitMs, maxMs: mostPlayoutMs })
  }

  /** Counters of its stream as they are now. */
  countRepairs(counters: RepairCounters): void {
    this.#fecShare?.count(counters)
  }

  close(): void {
    this.publication.subscriptions.delete(this)
    this.publication.relays.leave(this)
    this.#stream?.close()
    this.#stream = undefined
    this.subscriber.room.usage.set(this, undefined)
  }

  /** Says what has to cross to this worker, where the publication comes from another. */
  #demand(layer: number | undefined): void {
    if (this.#stream !== undefined) this.publication.relays.setDemand(this, layer)
  }

  #select(stream: EgressStream, index: number, temporalLayer: number): void {
    const { layer, spatialLayer } = this.publication.packetLayer(index)
    const selected = `${layer} ${temporalLayer} ${spatialLayer}`
    if (selected === this.#selected) return
    this.#selected = selected
    stream.selectLayer(layer, temporalLayer, spatialLayer)
  }

  #takesRed({ payloads }: NegotiatedTrack): boolean {
    const { codecs } = this.publication.section
    const red = codecs.find((codec) => familyOf(codec) === 'red')
    return payloads.some(({ from, stripRed }) => from === red?.payloadType && stripRed !== true)
  }

  #chosenLayer(): number | undefined {
    const { layers } = this.publication
    const wanted = chooseLayer(layers, this.#wish, this.source)
    const highest = Math.min(this.#highestLayer, this.#allotment?.step?.layer ?? Number.POSITIVE_INFINITY)
    if (wanted === undefined || wanted <= highest) return wanted
    return chooseLayer(
      layers.map(({ available, width, height }, index) => ({
        ...{ available: available && index <= highest, width, height },
      })),
      this.#wish,
      this.source,
    )
  }

  #judge(layer: number | undefined): { active: boolean; reason: SubscriptionReason } {
    const hindrance = this.#hindrance()
    if (hindrance !== undefined) return { active: false, reason: hindrance }
    if (layer === undefined) return { active: false, reason: 'no-media' }
    if (this.#allotment !== undefined && this.#allotment.step === undefined)
      return { active: false, reason: 'bandwidth' }
    const limited = this.#allotment?.limited === true || this.#highestLayer < (this.wantedLayer ?? 0)
    return { active: true, reason: limited ? 'bandwidth' : 'ok' }
  }

  /** Why it is not sent, apart from what the path carries. */
  #hindrance(): SubscriptionReason | undefined {
    const { enabled, width, height } = this.#wish
    const { muted, loudEnough, layers, stranded, payloadType } = this.publication
    if (!enabled || width === 0 || height === 0) return 'disabled-by-subscriber'
    if (this.#incompatible || !this.#takes(payloadType)) return 'codec-unsupported'
    if (muted) return 'muted'
    if (!loudEnough) return 'not-loudest'
    if (this.#stream === undefined || stranded) return 'no-media'
    return layers.some(({ available }) => available) ? undefined : 'no-media'
  }

  #takes(payloadType: number | undefined): boolean {
    if (this.#stream === undefined || payloadType === undefined) return true
    return this.publication.kind === 'audio' || this.#taken.includes(payloadType)
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
      source: room.measuredBy(this.subscriber.worker),
      ...(size?.width !== undefined &&
        size.height !== undefined && { received: { width: size.width, height: size.height } }),
      ...(published && { published }),
    }
    room.usage.set(this, facts)
  }
}
