import type { IngressTrackEvents, LayerStats } from '@parley/fastpath'
import { LayerState } from './layer-state.ts'

/** Where the packet path finds a layer of a publication. */
export interface PacketLayer {
  /** The simulcast stream. */
  readonly layer: number
  /** Inside it the highest spatial layer. */
  readonly spatialLayer: number
}

const allSpatial = 7
/** Measurements without a bit of it after which a spatial layer counts as stopped: rates lag behind sizes. */
const silentMeasurements = 2

/**
 * The layers of a publication in ascending quality, whether they are simulcast streams or the spatial layers of one
 * stream (SVC): those are found out from what it tells of itself, and a layer of them comes with all below it.
 */
export class PublicationLayers {
  readonly #list: LayerState[]
  readonly #silent = new Map<number, number>()
  readonly #simulcast: boolean

  /** `streams`: simulcast streams; 1 for a single one, in layers or not. */
  constructor(streams: number) {
    this.#simulcast = streams > 1
    this.#list = Array.from({ length: streams }, () => new LayerState())
  }

  /** Live; grows when the spatial layers of a stream become known, never shrinks. */
  get list(): readonly LayerState[] {
    return this.#list
  }

  packetLayer(index: number): PacketLayer {
    if (this.#simulcast) return { layer: index, spatialLayer: allSpatial }
    return { layer: 0, spatialLayer: this.#list.length > 1 ? index : allSpatial }
  }

  /** Nothing of it comes until its publisher takes it up elsewhere. */
  handleStranded(): void {
    for (const state of this.#list) state.change({ running: false })
  }

  handleStarted(layer: number): void {
    // Spatial layers are known to run by their sizes.
    if (this.#simulcast || this.#list.length === 1) this.#list[layer]?.change({ running: true })
  }

  handleStopped(layer: number): void {
    // A still screen sends nothing for seconds and is no dead stream: only among several does a layer stop.
    if (this.#simulcast) this.#list[layer]?.change({ running: false })
  }

  handleResized({ layer, width, height, spatial }: IngressTrackEvents['layer.resized'][0]): void {
    if (this.#simulcast) {
      this.#list[layer]?.change({ running: true, ...sizeOf({ width, height }) })
      return
    }
    while (this.#list.length < spatial.length) this.#list.push(new LayerState())
    for (const [index, state] of this.#list.entries()) {
      const size = spatial[index]
      state.change({ running: size !== undefined, ...(size && sizeOf(size)) })
      this.#silent.delete(index)
    }
  }

  measure(layers: readonly LayerStats[]): void {
    for (const { layer, bitrate, spatialBitrates, temporalLayers } of layers) {
      const temporal = temporalLayers > 1
      if (this.#simulcast || this.#list.length === 1) {
        this.#list[layer]?.measure({ bitrate, temporal })
        continue
      }
      let sum = 0
      for (const [index, state] of this.#list.entries()) {
        const own = spatialBitrates[index] ?? 0
        sum += own
        state.measure({ bitrate: own > 0 ? sum : 0, temporal })
        if (bitrate > 0) this.#hear(index, own > 0)
      }
    }
  }

  /** Takes which layers somebody gets. Answers whether the publisher has to be told. */
  setWatched(indexes: Iterable<number>, nowMs: number): boolean {
    const watched = new Set<number>()
    for (const index of indexes) {
      watched.add(index)
      // What is fallen back to while a better one is missing; spatial layers stand on all below.
      for (let below = 0; below < (this.#simulcast ? Math.min(1, index) : index); below++) watched.add(below)
    }
    let changed = false
    for (const [index, state] of this.#list.entries()) {
      changed = state.setWatched(watched.has(index), nowMs) || changed
    }
    return changed
  }

  #hear(index: number, sends: boolean): void {
    const silent = sends ? 0 : (this.#silent.get(index) ?? 0) + 1
    this.#silent.set(index, silent)
    if (sends) this.#list[index]?.change({ running: true })
    else if (silent >= silentMeasurements) this.#list[index]?.change({ running: false })
  }
}

/** 0 by 0 is a size that was not told. */
function sizeOf({ width, height }: { width: number; height: number }): { width?: number; height?: number } {
  return width > 0 && height > 0 ? { width, height } : {}
}
