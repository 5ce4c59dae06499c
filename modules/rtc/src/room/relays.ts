import type { IngressTrack } from '@parley/fastpath'
import type { MediaWorker } from '../sfu/media-worker.ts'
import type { Publication } from './publication.ts'
import { Relay } from './relay.ts'
import type { Subscription } from './subscription.ts'

/** The relays of one publication, one for each other worker where somebody is subscribed to it. Owned by it. */
export class Relays {
  readonly #publication: Publication
  readonly #relays = new Map<MediaWorker, Relay>()

  constructor(publication: Publication) {
    this.#publication = publication
  }

  get size(): number {
    return this.#relays.size
  }

  /** The track over there, made when it is first asked for. */
  trackAt(worker: MediaWorker): IngressTrack {
    const known = this.#relays.get(worker)
    if (known !== undefined && !known.closed) return known.track
    const { owner, section } = this.#publication
    const relay = new Relay(section, owner.room.legs.between(owner.worker, worker))
    this.#relays.set(worker, relay)
    relay.track.once('closed', () => this.#ended(worker, relay))
    return relay.track
  }

  /** Which layer a subscription on another worker gets now; undefined: none. */
  setDemand(subscription: Subscription, layer: number | undefined): void {
    this.#relays.get(subscription.subscriber.worker)?.setDemand(subscription, layer)
  }

  leave(subscription: Subscription): void {
    const { worker } = subscription.subscriber
    const relay = this.#relays.get(worker)
    relay?.leave(subscription)
    if (relay?.unused === true) this.#close(worker, relay)
  }

  look(nowMs: number): void {
    for (const relay of this.#relays.values()) relay.look(nowMs)
  }

  close(): void {
    for (const [worker, relay] of [...this.#relays]) this.#close(worker, relay)
  }

  #close(worker: MediaWorker, relay: Relay): void {
    this.#relays.delete(worker)
    relay.close()
  }

  /** The leg broke, or the worker over there ended: who still runs gets it over another leg. */
  #ended(worker: MediaWorker, relay: Relay): void {
    if (this.#relays.get(worker) !== relay) return
    this.#close(worker, relay)
    // Not before the other end of the leg is gone, too.
    queueMicrotask(() => {
      for (const subscription of this.#publication.subscriptions) {
        if (subscription.subscriber.worker === worker) subscription.handleTrackChanged()
      }
    })
  }
}
