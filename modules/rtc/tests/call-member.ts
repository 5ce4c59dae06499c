import type { FrameAnswers, PublicationSource } from '@parley/contracts'
import { RealtimeClient } from '@parley/testing/devcloud'
import { rewriteCandidates, SyntheticPeer, type SyntheticPeerOptions } from '@parley/testing/rtc-client'

export interface CallMemberOptions {
  url: string
  token: string
  roomId: string
  device?: string
  /** Claims to encrypt end to end; what is sent is synthetic all the same. */
  e2ee?: boolean
  /** Sees every RTP packet that comes. */
  onRtp?: (packet: Buffer) => void
  send?: SyntheticPeerOptions['send']
  /** The path both connections take; UDP over 127.0.0.1 when absent. */
  path?: { address: string; transport: 'udp' | 'tcp' }
  /** How often the peers ask for consent. */
  consentMs?: number
  /** Asks for data channels, and takes their packets. */
  onData?: (packet: Uint8Array) => void
  /** The port to receive from instead of the server's, for a network between. */
  receiveVia?: (port: number) => Promise<number>
  /** And to send to. */
  publishVia?: (port: number) => Promise<number>
}

/** Somebody in a room: a realtime connection and two synthetic peers, driven as a client would. */
export class CallMember {
  readonly client: RealtimeClient
  readonly joined: FrameAnswers['rtc.join']
  readonly roomId: string
  publisher: SyntheticPeer
  subscriber: SyntheticPeer
  publications: { mid: string; id: string }[] = []
  /** Answers of ours that were refused. */
  readonly refusals: unknown[] = []
  readonly #moves = new WeakSet<object>()
  #answered = 0
  #closed = false
  readonly #receiveVia: CallMemberOptions['receiveVia']
  readonly #publishVia: CallMemberOptions['publishVia']
  readonly #peerOptions: SyntheticPeerOptions
  #sources: Record<'audio' | 'video', PublicationSource> | undefined
  readonly #path: CallMemberOptions['path']

  private constructor(client: RealtimeClient, joined: FrameAnswers['rtc.join'], options: CallMemberOptions) {
    this.client = client
    this.joined = joined
    this.roomId = options.roomId
    this.#receiveVia = options.receiveVia
    this.#publishVia = options.publishVia
    this.#path = options.path
    const path = {
      ...(options.path ?? { address: '127.0.0.1' }),
      ...(options.consentMs !== undefined && { consentMs: options.consentMs }),
    }
    this.#peerOptions = { ...path, ...(options.send && { send: options.send }) }
    this.publisher = new SyntheticPeer(this.#peerOptions)
    this.subscriber = new SyntheticPeer({
      ...path,
      ...(options.onData && { onData: options.onData }),
      ...(options.onRtp && { onRtp: options.onRtp }),
    })
  }

  static async join(options: CallMemberOptions): Promise<CallMember> {
    const client = await RealtimeClient.connect(options.url, options.token, options.device)
    const joined = await client.request('rtc.join', {
      roomId: options.roomId,
      data: options.onData !== undefined,
      e2ee: options.e2ee ?? false,
    })
    const member = new CallMember(client, joined, options)
    void member.#followMoves().catch(() => undefined)
    void member.#answerOffers().catch(() => undefined)
    return member
  }

  get id(): string {
    return this.joined.participantId
  }

  /** Publishes what the peer sends, as microphone and camera. */
  async publish(
    sources: Record<'audio' | 'video', PublicationSource> = { audio: 'microphone', video: 'camera' },
  ) {
    this.#sources = sources
    const { publisher } = this
    const sdp = await publisher.createOffer()
    const kinds = [...sdp.matchAll(/^m=(audio|video) /gm)].map((match) => match[1] as 'audio' | 'video')
    const answer = await this.client.request('rtc.publish', {
      roomId: this.roomId,
      sdp,
      publications: kinds.map((kind, index) => {
        const known = this.publications.find(({ mid }) => mid === String(index))
        return { mid: String(index), kind, source: sources[kind], ...(known && { publicationId: known.id }) }
      }),
    })
    publisher.acceptAnswer(await this.#reroute(answer.sdp, this.#publishVia))
    this.publications = answer.publications
    await publisher.connected
  }

  /** Moves without an offer behind, too. */
  async #followMoves(): Promise<void> {
    while (!this.#closed) {
      await this.client.waitFor('rtc.moved', (event) => this.#isNews(event), 600_000)
      this.#moveWhereTold()
    }
  }

  #isNews(event: { roomId: string }): boolean {
    return event.roomId === this.roomId && !this.#moves.has(event)
  }

  /** The server carries our media elsewhere: both connections begin again. */
  #moveWhereTold(): void {
    let moved = false
    for (const event of this.client.events) {
      if (event.type !== 'rtc.moved' || !this.#isNews(event)) continue
      this.#moves.add(event)
      moved = true
    }
    if (!moved || this.#closed) return
    this.publisher.close()
    this.subscriber.close()
    this.publisher = new SyntheticPeer(this.#peerOptions)
    const { send: _, ...receiving } = this.#peerOptions
    this.subscriber = new SyntheticPeer(receiving)
    if (this.#sources) void this.publish(this.#sources).catch((error: unknown) => this.refusals.push(error))
  }

  /** Answers the offers that come, until it is closed. */
  async #answerOffers(): Promise<void> {
    while (!this.#closed) {
      const offer = await this.client.waitFor(
        'rtc.subscribe-offer',
        ({ roomId, version }) => roomId === this.roomId && version > this.#answered,
        600_000,
      )
      this.#answered = offer.version
      this.#moveWhereTold()
      const sdp = await this.subscriber.acceptOffer(await this.#reroute(offer.sdp, this.#receiveVia))
      const { version } = offer
      await this.client
        .request('rtc.subscribe-answer', { roomId: this.roomId, version, sdp })
        .catch((error: unknown) => this.refusals.push(error))
    }
  }

  async #reroute(sdp: string, via: CallMemberOptions['receiveVia']): Promise<string> {
    const port = Number(/a=candidate:\S+ 1 udp \d+ \S+ (\d+)/.exec(sdp)?.[1])
    const other = await via?.(port)
    if (other === undefined) return this.#onPath(sdp)
    return rewriteCandidates(sdp, (candidate) =>
      candidate.transport === 'udp' ? { ...candidate, port: other } : undefined,
    )
  }

  /** The description with the candidates of the path alone. */
  #onPath(sdp: string): string {
    const path = this.#path
    if (path === undefined) return sdp
    return rewriteCandidates(sdp, (candidate) =>
      candidate.transport === path.transport && candidate.address === path.address ? candidate : undefined,
    )
  }

  async close(): Promise<void> {
    this.#closed = true
    await this.client.request('rtc.leave', { roomId: this.roomId }).catch(() => undefined)
    this.publisher.close()
    this.subscriber.close()
    await this.client.close()
  }
}
