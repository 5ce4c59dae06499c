import type { Transport } from '@parley/fastpath'
import type { MediaWorker } from './media-worker.ts'

/** One direction of a leg: who sends publications where. */
export interface LegDirection {
  /** Of the worker that sends. */
  readonly source: Transport
  /** Of the worker that gets. */
  readonly target: Transport
  /** The next SSRC from there to here; none is given twice. */
  nextSsrc(): number
}

/**
 * The way between two media workers of this server: SRTP over the address both share, DTLS proving each to the other.
 * It carries relayed publications of all rooms, in both directions, and ends when either worker does.
 */
class WorkerLeg {
  readonly #first: MediaWorker
  readonly #transports: readonly [Transport, Transport]
  readonly #ssrcs: [number, number] = [0, 0]

  constructor(first: MediaWorker, second: MediaWorker) {
    this.#first = first
    const transportOf = (own: MediaWorker, other: MediaWorker): Transport =>
      own.createTransport({
        peer: { address: other.addresses[0] ?? '127.0.0.1', port: other.port },
        // Nothing between two processes of one machine gains by waiting.
        pacingBitrate: 0,
      })
    const passive = transportOf(second, first)
    const active = transportOf(first, second)
    this.#transports = [active, passive]
    passive.setRemote({ dtlsRole: 'server', fingerprints: [first.fingerprint] })
    active.setRemote({ dtlsRole: 'client', fingerprints: [second.fingerprint] })
    active.once('closed', () => passive.close())
    passive.once('closed', () => active.close())
  }

  get closed(): boolean {
    return this.#transports.some(({ closed }) => closed)
  }

  from(worker: MediaWorker): LegDirection {
    const [active, passive] = this.#transports
    const at = worker === this.#first ? 0 : 1
    return {
      ...(at === 0 ? { source: active, target: passive } : { source: passive, target: active }),
      nextSsrc: () => {
        this.#ssrcs[at] += 1
        return this.#ssrcs[at]
      },
    }
  }
}

/** The legs between the workers of one pool, made when they are first needed. */
export class WorkerLegs {
  readonly #legs = new WeakMap<MediaWorker, WeakMap<MediaWorker, WorkerLeg>>()

  /** The way from one running worker to another one. */
  between(from: MediaWorker, to: MediaWorker): LegDirection {
    const known = this.#legs.get(from)?.get(to)
    const leg = known === undefined || known.closed ? new WorkerLeg(from, to) : known
    if (leg !== known) {
      this.#remember(from, to, leg)
      this.#remember(to, from, leg)
    }
    return leg.from(from)
  }

  #remember(one: MediaWorker, other: MediaWorker, leg: WorkerLeg): void {
    const legs = this.#legs.get(one) ?? new WeakMap<MediaWorker, WorkerLeg>()
    legs.set(other, leg)
    this.#legs.set(one, legs)
  }
}
