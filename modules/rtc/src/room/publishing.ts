import { AppError, newId, type PublicationSource } from '@parley/contracts'
import type { TransportCloseReason } from '@parley/fastpath'
import { PublishConnection, readSdp } from '../connection/publish-connection.ts'
import type { Participant } from './participant.ts'
import { Publication } from './publication.ts'
import { requireSource } from './rights.ts'
import { Stranded } from './stranded.ts'

export interface PublicationOffer {
  mid: string
  kind: 'audio' | 'video'
  source: PublicationSource
  name?: string | undefined
  muted: boolean
  /** It goes on with a publication whose media worker ended. */
  publicationId?: string | undefined
}

const kindOfSource: Readonly<Partial<Record<PublicationSource, 'audio' | 'video'>>> = {
  camera: 'video',
  screen: 'video',
  microphone: 'audio',
  'screen-audio': 'audio',
}

/** What a participant publishes, and the connection it does so on. Owns both. */
export class Publishing {
  readonly publications = new Map<string, Publication>()
  readonly #owner: Participant
  readonly #onClosed: (reason: TransportCloseReason) => void
  readonly #stranded = new Stranded({
    publications: this.publications,
    giveUp: (publication) => this.#unpublish(publication),
  })
  #connection: PublishConnection | undefined

  /** `onClosed`: the connection ended by itself. */
  constructor(owner: Participant, onClosed: (reason: TransportCloseReason) => void) {
    this.#owner = owner
    this.#onClosed = onClosed
  }

  get connection(): PublishConnection | undefined {
    return this.#connection
  }

  /** Those of an offer that are not published yet. @throws AppError when one of them is not allowed */
  beginning(items: readonly PublicationOffer[]): PublicationOffer[] {
    this.#checkItems(items)
    const present = this.#present()
    const continued = new Set<Publication>()
    return items.filter((item) => {
      const { mid, source, kind } = item
      const stranded = present.has(mid) ? undefined : this.#stranded.find(item)
      // One goes on once: whoever else names it begins.
      const known = present.get(mid) ?? (stranded && !continued.has(stranded) ? stranded : undefined)
      if (stranded !== undefined) continued.add(stranded)
      return known?.source !== source || known.kind !== kind
    })
  }

  /** Answers an offer. Publications that are not named end; nothing changes on error. */
  publish(sdp: string, items: readonly PublicationOffer[]) {
    const beginning = this.beginning(items)
    const offer = readSdp(sdp)
    if (!this.#owner.worker.running) throw new AppError('unavailable', 'The media worker ended just now')
    if (this.#connection === undefined) this.#stranded.requireNewConnection(offer)
    const present = this.#present()
    const renewed = new Set(beginning.map(({ mid }) => mid).filter((mid) => present.has(mid)))
    // A client that came back without its old connection offers from a new one.
    if (this.#connection?.server.isOf(offer) === false) {
      this.#replaceConnection(items)
      present.clear()
    }
    const fresh = this.#connection === undefined
    const connection = this.#connection ?? this.#openConnection()
    const wanted = new Map(items.map(({ mid, kind }) => [mid, kind]))
    let answer: ReturnType<PublishConnection['answer']>
    try {
      answer = connection.answer(offer, wanted, renewed)
    } catch (error) {
      if (fresh) {
        connection.close()
        this.#connection = undefined
      }
      throw error
    }
    const { room } = this.#owner
    const publications = items.map((item) => {
      const section = answer.sections.get(item.mid)
      if (section === undefined) throw new Error('a wanted section was not answered')
      const known = present.get(item.mid)
      const stranded = known === undefined ? this.#stranded.find(item) : undefined
      if (stranded?.fits(section)) {
        stranded.resume(section)
        if (stranded.setMuted(item.muted)) room.announceChange(stranded)
        return { mid: item.mid, id: stranded.id }
      }
      if (stranded !== undefined) this.#unpublish(stranded)
      if (known?.section.track === section.track) {
        if (known.setMuted(item.muted)) room.announceChange(known)
        return { mid: item.mid, id: known.id }
      }
      if (known !== undefined) this.#unpublish(known)
      const { source, name, muted } = item
      const id = newId('publication')
      const publication = new Publication({ id, owner: this.#owner, source, name, muted, section })
      this.publications.set(id, publication)
      room.publicationAdded(publication)
      return { mid: item.mid, id }
    })
    for (const [mid, known] of present) if (!wanted.has(mid)) this.#unpublish(known)
    return { sdp: answer.sdp, publications }
  }

  /** The media worker ended: what was published waits for a new connection. */
  strand(): void {
    this.#stranded.begin(this.#connection?.server)
    this.#connection?.close()
    this.#connection = undefined
  }

  /** From now on there is a worker for what waits. */
  wait(): void {
    this.#stranded.wait()
  }

  /** Ends all publications and the connection; another one may come. */
  end(): void {
    for (const publication of [...this.publications.values()]) this.#unpublish(publication)
    const connection = this.#connection
    this.#connection = undefined
    connection?.close()
  }

  close(): void {
    this.#stranded.close()
    this.end()
  }

  /** By section of the present connection. */
  #present(): Map<string, Publication> {
    const running = [...this.publications.values()].filter(({ stranded }) => !stranded)
    return new Map(running.map((publication) => [publication.section.mid, publication]))
  }

  #checkItems(items: readonly PublicationOffer[]): void {
    const { rights, room } = this.#owner
    if (items.length > room.limits.maxPublications) {
      throw new AppError('limit-exceeded', `At most ${room.limits.maxPublications} publications`)
    }
    const mids = new Set<string>()
    for (const { mid, source, kind } of items) {
      requireSource(rights, source)
      const fitting = kindOfSource[source]
      if (fitting !== undefined && fitting !== kind) {
        throw new AppError('invalid-request', `${source} is ${fitting}, not ${kind}`)
      }
      if (mids.has(mid)) throw new AppError('invalid-request', `Section ${mid} is named twice`)
      mids.add(mid)
    }
  }

  #openConnection(): PublishConnection {
    const { worker, room, via } = this.#owner
    this.#connection = new PublishConnection({
      ...{ worker, e2ee: room.e2ee, announced: room.announced },
      // Our flights are repeated sooner than a browser's. Clients by HTTP get the part they are used to.
      setup: via === 'member' ? 'active' : 'passive',
      onClosed: this.#onClosed,
    })
    return this.#connection
  }

  /** The client offers from another connection: what that continues stays, the rest ends. */
  #replaceConnection(items: readonly PublicationOffer[]): void {
    const continued = new Set(items.map(({ publicationId }) => publicationId))
    for (const publication of [...this.publications.values()]) {
      if (continued.has(publication.id)) publication.strand()
      else this.#unpublish(publication)
    }
    this.#stranded.wait()
    this.#connection?.close()
    this.#connection = undefined
  }

  #unpublish(publication: Publication): void {
    this.publications.delete(publication.id)
    this.#owner.room.publicationRemoved(publication)
  }
}
