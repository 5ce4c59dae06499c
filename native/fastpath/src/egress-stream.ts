import { EventEmitter } from 'node:events'
import type { EgressStreamEvents } from './events.ts'
import type { Host } from './host.ts'
import type { IngressTrack } from './ingress-track.ts'
import type { NativeEvent } from './native.ts'
import type { MediaKind, PlayoutDelay, RepairOptions } from './options.ts'
import type { Transport } from './transport.ts'

/** One SSRC sent to a peer. Sequence numbers, timestamps and picture ids stay continuous over every change. */
export class EgressStream extends EventEmitter<EgressStreamEvents> {
  readonly id: number
  readonly kind: MediaKind
  readonly transport: Transport
  readonly ssrc: number
  /** 0 without RTX. */
  readonly rtxSsrc: number
  readonly #host: Host
  #closed = false

  constructor(
    host: Host,
    transport: Transport,
    id: number,
    of: { kind: MediaKind; ssrc: number; rtxSsrc: number },
  ) {
    super()
    this.#host = host
    this.transport = transport
    this.id = id
    this.kind = of.kind
    this.ssrc = of.ssrc
    this.rtxSsrc = of.rtxSsrc
  }

  get closed(): boolean {
    return this.#closed
  }

  /** Stops or resumes forwarding. Video resumes at a key frame, which is asked for. */
  setPaused(paused: boolean): void {
    if (!this.#closed) this.#host.native.setPaused(Uint32Array.of(this.id), paused)
  }

  /**
   * Chooses the simulcast layer, and the highest temporal and spatial layers inside it. The old simulcast layer is
   * forwarded until a key frame of the new one arrives. Fewer temporal and spatial layers apply with the next picture,
   * more where a decoder can follow: spatial ones at a key frame, which is asked for.
   */
  selectLayer(layer: number, temporalLayer = 7, spatialLayer = 7): void {
    if (!this.#closed) this.#host.native.selectLayer(this.id, layer, temporalLayer, spatialLayer)
  }

  /** Feeds the stream from another track (or none), video from its next key frame on. */
  setSource(track: IngressTrack | undefined, layer = 0): void {
    if (!this.#closed) this.#host.native.setSource(this.id, track?.id ?? 0, layer)
  }

  /** Written into packets where the extension was negotiated; `undefined` passes the publisher's on. */
  setPlayoutDelay(delay: PlayoutDelay | undefined): void {
    if (!this.#closed) this.#host.native.setPlayoutDelay(this.id, delay?.minMs ?? -1, delay?.maxMs ?? -1)
  }

  /** Replaces what is done against losses. */
  setRepair(options: RepairOptions): void {
    if (!this.#closed) this.#host.native.setRepair(this.id, options)
  }

  close(): void {
    if (this.#closed) return
    this.#host.native.closeStream(this.id)
    this.finish()
  }

  /** @internal */
  handle(event: NativeEvent): void {
    if (event.type === 'layer.switched') this.emit('layer.switched', event as never)
  }

  /** @internal */
  finish(): void {
    if (this.#closed) return
    this.#closed = true
    this.#host.streams.delete(this.id)
    this.emit('closed')
    this.removeAllListeners()
  }
}
