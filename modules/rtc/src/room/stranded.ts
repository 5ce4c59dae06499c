import { AppError } from '@parley/contracts'
import type { SessionDescription } from '@parley/protocols/sdp'
import type { ServerTransport } from '../connection/server-transport.ts'
import type { Publication } from './publication.ts'
import type { PublicationOffer } from './publishing.ts'

/** A publication whose worker ended is given up when its publisher has not taken it up by then. */
const keptMs = 10_000

export interface StrandedOptions {
  publications: ReadonlyMap<string, Publication>
  giveUp: (publication: Publication) => void
}

/** What of a participant's publications waits to be taken up again after the end of a media worker. Owns a timer. */
export class Stranded {
  readonly #options: StrandedOptions
  /** Ended with its worker: offers of that connection come too late. */
  #gone: ServerTransport | undefined
  #timer: NodeJS.Timeout | undefined

  constructor(options: StrandedOptions) {
    this.#options = options
  }

  /** The worker of the publications ended, and `server` with it. */
  begin(server: ServerTransport | undefined): void {
    this.#gone = server ?? this.#gone
    for (const publication of this.#options.publications.values()) publication.strand()
  }

  /** From now on there is a worker to take them up on. */
  wait(): void {
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => this.#giveUp(), keptMs)
  }

  /** The one that an offer continues, if it does. */
  find({ publicationId, source, kind }: PublicationOffer): Publication | undefined {
    const known = publicationId === undefined ? undefined : this.#options.publications.get(publicationId)
    return known?.stranded && known.source === source && known.kind === kind ? known : undefined
  }

  /** @throws AppError `conflict` for an offer of the connection that ended with its worker */
  requireNewConnection(offer: SessionDescription): void {
    if (this.#gone?.wasOf(offer) !== true) return
    throw new AppError('conflict', 'That connection ended with its media worker; offer from a new one')
  }

  close(): void {
    clearTimeout(this.#timer)
  }

  #giveUp(): void {
    for (const publication of [...this.#options.publications.values()]) {
      if (publication.stranded) this.#options.giveUp(publication)
    }
  }
}
