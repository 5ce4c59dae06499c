import type { PublicationSource, ServerEvent } from '@parley/contracts'
import { parseSdp } from '@parley/protocols/sdp'
import { RealtimeClient } from '@parley/testing/devcloud'
import { SyntheticPeer, type SyntheticPeerOptions } from '@parley/testing/rtc-client'
import type { Identities } from './identities.ts'

export interface ChurnMemberOptions {
  url: string
  token: string
  userId: string
  device: string
  roomId: string
  publishes: boolean
  identities: Identities
  /** What was refused though nothing raced it. */
  onProblem: (problem: string) => void
}

type SubscribeOffer = Extract<ServerEvent, { type: 'rtc.subscribe-offer' }>

const path = { address: '127.0.0.1', consentMs: 500 } as const
const layers = [
  { rid: 'q', bitrateKbps: 60, width: 320, height: 180 },
  { rid: 'f', bitrateKbps: 150, width: 640, height: 360 },
]
const sources: readonly { mid: string; kind: 'audio' | 'video'; source: PublicationSource }[] = [
  { mid: '0', kind: 'audio', source: 'microphone' },
  { mid: '1', kind: 'video', source: 'camera' },
]
/** What two sides changed at once is refused to one of them. */
const races = new Set(['conflict', 'not-found', 'unavailable', 'participant-not-found'])

/** Somebody who comes and goes, and holds all that arrives against what was told of it. */
export class ChurnMember {
  readonly roomId: string
  #client: RealtimeClient
  readonly #options: ChurnMemberOptions
  readonly #identity: { audio: number; video: number }
  readonly #offered = new Map<number, string>()
  readonly #publications = new Map<string, string>()
  #publisher: SyntheticPeer | undefined
  #subscriber = new SyntheticPeer(path)
  #answering: Promise<unknown> = Promise.resolve()
  #answered = 0
  #published: readonly string[] = []
  #closed = false

  private constructor(client: RealtimeClient, options: ChurnMemberOptions) {
    this.#client = client
    this.#options = options
    this.roomId = options.roomId
    this.#identity = { audio: options.identities.next(), video: options.identities.next() }
  }

  static async join(options: ChurnMemberOptions): Promise<ChurnMember> {
    const client = await RealtimeClient.connect(options.url, options.token, options.device)
    const member = new ChurnMember(client, options)
    client.onEvent = (event) => member.#take(event)
    await client.request('rtc.join', { roomId: options.roomId })
    if (options.publishes) await member.publish(['0', '1'])
    return member
  }

  get publishes(): boolean {
    return this.#options.publishes
  }

  get published(): readonly string[] {
    return this.#published
  }

  /** Publishes exactly these sections. Those that are left out go on sending, which must reach nobody. */
  async publish(mids: readonly string[], options: { iceRestart?: boolean } = {}): Promise<void> {
    this.#publisher ??= new SyntheticPeer(this.#sending())
    const publisher = this.#publisher
    const publications = sources
      .filter(({ mid }) => mids.includes(mid))
      .map((section) => {
        const publicationId = this.#publications.get(section.mid)
        return { ...section, ...(publicationId !== undefined && { publicationId }) }
      })
    const sdp = await publisher.createOffer(options)
    const answer = await this.#client.request('rtc.publish', { roomId: this.roomId, sdp, publications })
    this.#publications.clear()
    for (const { mid, id } of answer.publications) {
      this.#publications.set(mid, id)
      this.#options.identities.name(id, mid === '0' ? this.#identity.audio : this.#identity.video)
    }
    this.#published = mids
    publisher.acceptAnswer(onLoopback(answer.sdp))
    await publisher.connected.catch((error: unknown) => {
      // Another one took its place: the server moved this member meanwhile.
      if (this.#publisher === publisher) throw error
    })
  }

  /** Wants another size of something it gets, or none of it. */
  async wish(pick: (count: number) => number): Promise<void> {
    const known = [...new Set(this.#offered.values())]
    const publicationId = known[pick(known.length)]
    if (publicationId === undefined) return
    const size = [
      { enabled: false },
      { width: 320, height: 180 },
      { width: 640, height: 360 },
      { enabled: true },
    ][pick(4)]
    await this.#client.request('rtc.subscriptions', {
      roomId: this.roomId,
      items: [{ publicationId, enabled: true, ...size }],
    })
  }

  async mute(muted: boolean): Promise<void> {
    const [publicationId] = this.#publications.values()
    if (publicationId === undefined) return
    await this.#client.request('rtc.mute', { roomId: this.roomId, publicationId, muted })
  }

  /** Both connections go on from other addresses. */
  changeNetwork(): void {
    this.#publisher?.transport.changeAddress()
    this.#subscriber.transport.changeAddress()
  }

  async restartIce(): Promise<void> {
    if (this.#publisher) await this.publish(this.#published, { iceRestart: true })
    await this.#client.request('rtc.restart-subscribe', { roomId: this.roomId })
  }

  /** Holds all that arrived so far against what was told of it. */
  check(): void {
    const { identities, userId } = this.#options
    for (const { ssrc, identities: came } of this.#subscriber.statistics().inbound) {
      identities.check(userId, ssrc, this.#offered.get(ssrc), came)
    }
  }

  async leave(): Promise<void> {
    this.#closed = true
    await this.#client.request('rtc.leave', { roomId: this.roomId })
    this.#finish()
    this.#publisher?.close()
    this.#subscriber.close()
    await this.#client.close()
  }

  /** Ends without a word, all at once. */
  vanish(): void {
    this.#closed = true
    this.#finish()
    this.#client.terminate()
    this.#publisher?.vanish()
    this.#subscriber.vanish()
  }

  #sending(): SyntheticPeerOptions {
    const { audio, video } = this.#identity
    return {
      ...path,
      send: {
        audio: { identity: audio, bitrateKbps: 16 },
        video: { identity: video, layers, framesPerSecond: 10 },
      },
    }
  }

  #take(event: ServerEvent): void {
    this.#client.events.length = 0
    if (event.type === 'rtc.subscribe-offer') {
      this.#answering = this.#answering.then(() => this.#answer(event)).catch((error) => this.#refused(error))
    } else if (event.type === 'rtc.moved') this.#move()
    else if (event.type === 'rtc.closed' && !this.#closed) this.#options.onProblem(`closed: ${event.reason}`)
  }

  async #answer({ version, sdp, tracks }: SubscribeOffer): Promise<void> {
    if (this.#closed || version <= this.#answered) return
    this.#answered = version
    const publications = new Map(tracks.map(({ mid, publicationId }) => [mid, publicationId]))
    for (const { mid, sources: ssrcs } of parseSdp(sdp).media) {
      const publicationId = publications.get(mid)
      if (publicationId !== undefined) for (const { ssrc } of ssrcs) this.#offered.set(ssrc, publicationId)
    }
    const answer = await this.#subscriber.acceptOffer(onLoopback(sdp))
    if (this.#closed) return
    await this.#client.request('rtc.subscribe-answer', { roomId: this.roomId, version, sdp: answer })
  }

  /** What the present connection brought is all it will. */
  #finish(): void {
    this.check()
    for (const { frames } of this.#subscriber.statistics().inbound) this.#options.identities.frames += frames
  }

  #move(): void {
    this.#finish()
    this.#subscriber.close()
    this.#subscriber = new SyntheticPeer(path)
    if (this.#publisher === undefined) return
    this.#publisher.close()
    this.#publisher = undefined
    this.publish(this.#published).catch((error) => this.#refused(error))
  }

  #refused(error: unknown): void {
    if (!this.#closed && !isRace(error)) this.#options.onProblem(String(error))
  }
}

/** Whether a refusal is what two changes at one moment lead to. */
export function isRace(error: unknown): boolean {
  return error instanceof Error && 'code' in error && races.has(String(error.code))
}

function onLoopback(sdp: string): string {
  return sdp.replaceAll(/^a=candidate:\S+ 1 (?!udp \d+ 127\.0\.0\.1 ).*\r\n/gm, '')
}
