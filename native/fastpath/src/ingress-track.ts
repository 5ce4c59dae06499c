import { EventEmitter } from 'node:events'
import type { IngressTrackEvents } from './events.ts'
import type { Host } from './host.ts'
import type { NativeEvent } from './native.ts'
import type { MediaKind } from './options.ts'
import type { Transport } from './transport.ts'

/** What a peer publishes in one media section. Closing it leaves its streams open and silent. */
export class IngressTrack extends EventEmitter<IngressTrackEvents> {
  readonly id: number
  readonly kind: MediaKind
  readonly transport: Transport
  readonly #host: Host
  #closed = false

  constructor(host: Host, transport: Transport, id: number, kind: MediaKind) {
    super()
    this.#host = host
    this.transport = transport
    this.id = id
    this.kind = kind
  }

  get closed(): boolean {
    return this.#closed
  }

  /** Opens or shuts the whole fan-out at once (mute, loudest-N). Open at the start. */
  setGate(open: boolean): void {
    if (!this.#closed) this.#host.native.setTrackGate(this.id, open)
  }

  /** Asks the publisher for a key frame of a layer; requests within 500 ms become one. */
  requestKeyFrame(layer = 0): void {
    if (!this.#closed) this.#host.native.requestKeyFrame(this.id, layer)
  }

  close(): void {
    if (this.#closed) return
    this.#host.native.closeTrack(this.id)
    this.finish()
  }

  /** @internal */
  handle(event: NativeEvent): void {
    switch (event.type) {
      case 'layer.started':
      case 'layer.stopped':
      case 'layer.resized':
        this.emit(event.type, event as never)
    }
  }

  /** @internal */
  finish(): void {
    if (this.#closed) return
    this.#closed = true
    this.#host.tracks.delete(this.id)
    this.emit('closed')
    this.removeAllListeners()
  }
}
