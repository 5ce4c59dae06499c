import type { EgressStream, ExtensionIds, IngressTrack } from '@parley/fastpath'
import { ingressPayloads } from '../connection/codecs.ts'
import type { PublishedSection } from '../connection/publish-connection.ts'
import type { LegDirection } from '../sfu/worker-leg.ts'

/** What the packet path reads or carries on, under the numbers of all legs. */
const legExtensions: ExtensionIds = {
  audioLevel: 1,
  dependencyDescriptor: 2,
  videoOrientation: 3,
  playoutDelay: 4,
  absCaptureTime: 5,
  colorSpace: 6,
}
/** A layer goes on for so long after the last demand: the one that takes its place begins with a key frame. */
const lingersMs = 2_000

interface RelayedLayer {
  readonly stream: EgressStream
  demand: number
  running: boolean
  idleSinceMs: number
}

/**
 * One publication on its way from its publisher's worker to another one, where subscribers find it as `track`. Each
 * layer is a stream of its own and runs while somebody over there gets it. Payloads cross unchanged: redundancy,
 * encryption and temporal layers are the business of the ends. The publication makes and ends it.
 */
export class Relay {
  readonly track: IngressTrack
  readonly #layers: readonly RelayedLayer[]
  readonly #demands = new Map<object, number>()
  readonly #users = new Set<object>()

  constructor(section: PublishedSection, leg: LegDirection) {
    const { kind, codecs, layerCount } = section
    const payloads = ingressPayloads(codecs)
    const repairs = payloads.some(({ rtxPayloadType }) => rtxPayloadType !== undefined)
    const ssrcs = Array.from({ length: layerCount }, () => ({
      ssrc: leg.nextSsrc(),
      rtxSsrc: repairs ? leg.nextSsrc() : 0,
    }))
    this.track = leg.target.createTrack({
      ...{ kind, payloads, extensions: legExtensions, nack: true },
      layers: ssrcs.map(({ ssrc, rtxSsrc }) => ({ ssrc, ...(rtxSsrc !== 0 && { rtxSsrc }) })),
    })
    this.#layers = ssrcs.map((numbers, layer) => ({
      stream: leg.source.createStream(section.track, {
        ...{ kind, layer, paused: true, exactLayer: true, equalSizes: false, extensions: legExtensions },
        ...numbers,
        payloads: payloads.map(({ payloadType, rtxPayloadType }) => ({
          ...{ from: payloadType, payloadType },
          ...(rtxPayloadType !== undefined && { rtxPayloadType }),
        })),
      }),
      ...{ demand: 0, running: false, idleSinceMs: 0 },
    }))
  }

  get closed(): boolean {
    return this.track.closed
  }

  /** Nobody is subscribed over there. */
  get unused(): boolean {
    return this.#users.size === 0
  }

  /** Which layer a subscription over there gets now; undefined: none. */
  setDemand(subscription: object, layer: number | undefined): void {
    this.#users.add(subscription)
    // Layers inside one stream cross with it.
    this.#count(subscription, layer === undefined ? undefined : Math.min(layer, this.#layers.length - 1))
  }

  /** The subscription ended. */
  leave(subscription: object): void {
    this.#count(subscription, undefined)
    this.#users.delete(subscription)
  }

  /** Stops layers that nobody has wanted for a while. Called at a steady pace. */
  look(nowMs: number): void {
    for (const layer of this.#layers) {
      if (!layer.running || layer.demand > 0 || nowMs - layer.idleSinceMs < lingersMs) continue
      layer.running = false
      layer.stream.setPaused(true)
    }
  }

  close(): void {
    for (const { stream } of this.#layers) stream.close()
    this.track.close()
  }

  #count(subscription: object, layer: number | undefined): void {
    const before = this.#demands.get(subscription)
    if (before === layer) return
    if (layer === undefined) this.#demands.delete(subscription)
    else this.#demands.set(subscription, layer)
    const entered = layer === undefined ? undefined : this.#layers[layer]
    const left = before === undefined ? undefined : this.#layers[before]
    if (entered !== undefined) {
      entered.demand += 1
      if (!entered.running) {
        entered.running = true
        entered.stream.setPaused(false)
      }
    }
    if (left !== undefined) {
      left.demand -= 1
      left.idleSinceMs = performance.now()
    }
  }
}
