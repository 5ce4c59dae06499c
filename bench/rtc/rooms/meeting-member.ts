import type { Participant, Publication, ServerEvent } from '@parley/contracts'
import { parseRtp, unwrapRetransmission } from '@parley/protocols/rtp'
import { parseSdp } from '@parley/protocols/sdp'
import { RealtimeClient } from '@parley/testing/devcloud'
import { SyntheticPeer, type SyntheticPeerOptions } from '@parley/testing/rtc-client'
import { type Clocks, identityOf, memberOfUser, stampOfPicture, stampOfSound, userOf } from './identity.ts'
import type { Samples } from './samples.ts'

export interface MemberOptions {
  url: string
  token: string
  roomId: string
  /** Which of the members this is. */
  member: number
  members: number
  tiles: number
  /** Nothing is published when absent. */
  send?: NonNullable<SyntheticPeerOptions['send']>
  clocks: Clocks
  audio: Samples
  video: Samples
  /** From wanting a picture to the last packet of its first key frame. */
  shown: Samples
  /** What the server takes the way to this member for, as it says each 2 s. Kbit/s. */
  paths: Samples
}

/** What came, all of it since the joining. */
export interface MemberCounts {
  packets: number
  /** Frames that were held against what was announced for their SSRC. */
  checked: number
  /** Of these, frames of something else. */
  wrong: number
  /** On an SSRC that no offer named. */
  unannounced: number
  /** Packets of pictures that were not wanted any more for longer than a change takes. */
  unwanted: number
  /** By the numbers that are missing now, repairs counted as arrived. */
  lost: number
  repaired: number
  /** Tiles without a picture in the last half second. */
  dark: number
  /** What was said of the dark ones, in the server's words. */
  darkReasons: string[]
  sent: number
  refusals: string[]
}

interface Stream {
  kind: 'audio' | 'video'
  identity: number
  member: number
  /** Of the stream that this one repairs. */
  repairs: number | undefined
  lastMs: number
  /** RTP timestamp of the key frame that has begun to come. */
  keyFrame: number | undefined
}

type SubscribeOffer = Extract<ServerEvent, { type: 'rtc.subscribe-offer' }>

/** How long what was on its way, or in a change, may still come. */
const settleMs = 1_000
const wishDelayMs = 20
const darkAfterMs = 500
const path = { address: '127.0.0.1' }
const tileSize = { width: 320, height: 180 }
const sources = { audio: 'microphone', video: 'camera' } as const

/**
 * Somebody in a meeting who hears all, watches some tiles and checks that each is whom it should be. It stays until its process
 * ends.
 */
export class MeetingMember {
  readonly #options: MemberOptions
  readonly #client: RealtimeClient
  #publisher: SyntheticPeer
  #subscriber: SyntheticPeer
  /** Of its sections, in their order. */
  #publicationIds: string[] = []
  /** Of the connections that ended. */
  readonly #before = { lost: 0, repaired: 0, sent: 0 }
  readonly #streams = new Map<number, Stream>()
  readonly #publications = new Map<string, { member: number; kind: 'audio' | 'video' }>()
  /** What the server last said of each picture. */
  readonly #reasons = new Map<number, string>()
  readonly #wished = new Map<string, boolean>()
  /** Since when each picture is wanted, until it is shown; and since when each is not wanted. */
  readonly #awaited = new Map<number, number>()
  readonly #unwantedSince = new Map<number, number>()
  readonly #redundant = new Set<number>()
  readonly #pictures = new Set<number>()
  /** Payload type of what a retransmission repeats. */
  readonly #repairs = new Map<number, number>()
  readonly #members = new Map<string, number>()
  readonly #counts = { packets: 0, checked: 0, wrong: 0, unannounced: 0, unwanted: 0 }
  readonly #refusals: string[] = []
  #tiles = new Set<number>()
  #wishTimer: NodeJS.Timeout | undefined
  #answering: Promise<unknown> = Promise.resolve()
  #answered = 0
  #shown: (() => void) | undefined

  private constructor(client: RealtimeClient, options: MemberOptions) {
    this.#client = client
    this.#options = options
    this.#publisher = this.#newPublisher()
    this.#subscriber = this.#newSubscriber()
    this.#setTiles(0)
  }

  /** Comes in and publishes. */
  static async join(options: MemberOptions): Promise<MeetingMember> {
    const client = await RealtimeClient.connect(options.url, options.token, `device-${options.member}`)
    const member = new MeetingMember(client, options)
    // What is told of others means something once it is known who they are.
    const early: ServerEvent[] = []
    client.onEvent = (event) => early.push(event)
    const { participants } = await client.request('rtc.join', { roomId: options.roomId })
    for (const participant of participants) member.#meet(participant)
    for (const event of early) member.#hear(event)
    client.onEvent = (event) => member.#hear(event)
    if (options.send) await member.#publish()
    return member
  }

  /** Its place among all members, from 0 to below 1. */
  get share(): number {
    return this.#options.member / this.#options.members
  }

  /** Settles when each tile has its first picture. */
  async allShown(): Promise<void> {
    while (this.#awaited.size > 0) {
      await new Promise<void>((resolve) => {
        this.#shown = resolve
      })
    }
  }

  /** Looks at others. */
  turnTo(page: number): void {
    this.#setTiles(page)
    for (const id of this.#publications.keys()) this.#wished.delete(id)
    this.#wish()
  }

  counts(): MemberCounts {
    const now = performance.now()
    const bright = new Set(
      [...this.#streams.values()]
        .filter(({ kind, lastMs }) => kind === 'video' && now - lastMs < darkAfterMs)
        .map(({ member }) => member),
    )
    const dark = [...this.#tiles].filter((member) => !bright.has(member))
    return {
      ...this.#counts,
      ...this.#carried(),
      dark: dark.length,
      darkReasons: dark.map((member) => this.#reasons.get(member) ?? 'none told'),
      refusals: this.#refusals,
    }
  }

  #newPublisher(): SyntheticPeer {
    const { send } = this.#options
    return new SyntheticPeer({ ...path, ...(send && { send }) })
  }

  #newSubscriber(): SyntheticPeer {
    return new SyntheticPeer({ ...path, onRtp: (packet) => this.#take(packet) })
  }

  /** By all connections so far. */
  #carried(): { lost: number; repaired: number; sent: number } {
    const { lost, repaired, sent } = this.#before
    const { inbound } = this.#subscriber.statistics()
    const { outbound } = this.#publisher.statistics()
    return {
      lost: inbound.reduce((total, { missing, abandoned }) => total + missing + abandoned, lost),
      repaired: inbound.reduce((total, { recovered }) => total + recovered, repaired),
      sent: outbound.reduce((total, { packets }) => total + packets, sent),
    }
  }

  /** Another worker carries it now: both connections begin anew, and its publications go on (RTC-84). */
  #move(): void {
    Object.assign(this.#before, this.#carried())
    this.#publisher.close()
    this.#subscriber.close()
    this.#publisher = this.#newPublisher()
    this.#subscriber = this.#newSubscriber()
    this.#streams.clear()
    if (this.#options.send) this.#publish().catch((error: unknown) => this.#refused('publish anew', error))
  }

  async #publish(): Promise<void> {
    const publisher = this.#publisher
    const sdp = await publisher.createOffer()
    const kinds = [...sdp.matchAll(/^m=(audio|video) /gm)].map((match) => match[1] as 'audio' | 'video')
    const answer = await this.#client.request('rtc.publish', {
      roomId: this.#options.roomId,
      sdp,
      publications: kinds.map((kind, index) => {
        const publicationId = this.#publicationIds[index]
        const known = publicationId === undefined ? {} : { publicationId }
        return { mid: String(index), kind, source: sources[kind], ...known }
      }),
    })
    this.#publicationIds = answer.publications.map(({ id }) => id)
    publisher.acceptAnswer(answer.sdp)
    await publisher.connected
  }

  #hear(event: ServerEvent): void {
    this.#client.events.length = 0
    if (event.type === 'rtc.participant-joined') this.#meet(event.participant)
    else if (event.type === 'rtc.publication-added') this.#learn(event.participantId, event.publication)
    else if (event.type === 'rtc.subscription-changed') {
      const known = this.#publications.get(event.publicationId)
      if (known?.kind === 'video') this.#reasons.set(known.member, event.reason)
    } else if (event.type === 'rtc.path-measured') this.#options.paths.record(event.target / 1000)
    else if (event.type === 'rtc.subscribe-offer') {
      const answer = this.#answering.then(() => this.#answer(event))
      this.#answering = answer.catch((error: unknown) => this.#refused('answer', error))
    } else if (event.type === 'rtc.closed' || event.type === 'rtc.moved') {
      this.#refused('told', event.type)
      if (event.type === 'rtc.moved') this.#move()
    }
  }

  #meet({ id, userId, publications }: Participant): void {
    this.#members.set(id, memberOfUser(userId))
    for (const publication of publications) this.#learn(id, publication)
  }

  #learn(participantId: string, { id, kind }: Publication): void {
    const member = this.#members.get(participantId)
    if (member === undefined || member === this.#options.member) return
    this.#publications.set(id, { member, kind })
    if (kind === 'video') this.#wishTimer ??= setTimeout(() => this.#wish(), wishDelayMs)
  }

  #setTiles(page: number): void {
    const { member, members, tiles } = this.#options
    const others = Math.max(members - 1, 1)
    const count = Math.min(tiles, members - 1)
    const next = new Set(
      Array.from({ length: count }, (_, index) => (member + 1 + ((page * tiles + index) % others)) % members),
    )
    const now = performance.now()
    for (const other of this.#tiles) if (!next.has(other)) this.#unwantedSince.set(other, now)
    for (const other of next) {
      if (!this.#tiles.has(other)) this.#awaited.set(other, now)
      this.#unwantedSince.delete(other)
    }
    for (const other of this.#awaited.keys()) if (!next.has(other)) this.#awaited.delete(other)
    this.#tiles = next
  }

  /** Says of each picture that it knows whether it wants it. */
  #wish(): void {
    this.#wishTimer = undefined
    const items: { publicationId: string; enabled: boolean; width?: number; height?: number }[] = []
    for (const [publicationId, { member, kind }] of this.#publications) {
      const enabled = this.#tiles.has(member)
      if (kind === 'audio' || this.#wished.get(publicationId) === enabled) continue
      this.#wished.set(publicationId, enabled)
      if (!enabled && !this.#unwantedSince.has(member)) this.#unwantedSince.set(member, performance.now())
      items.push(enabled ? { publicationId, enabled, ...tileSize } : { publicationId, enabled })
    }
    if (items.length === 0) return
    this.#client
      .request('rtc.subscriptions', { roomId: this.#options.roomId, items })
      .catch((error: unknown) => this.#refused('wish', error))
  }

  async #answer({ version, sdp, tracks }: SubscribeOffer): Promise<void> {
    if (version <= this.#answered) return
    this.#answered = version
    const publications = new Map(tracks.map(({ mid, publicationId }) => [mid, publicationId]))
    const users = new Map(tracks.map(({ mid, participantId }) => [mid, participantId]))
    for (const { mid, kind, sources, sourceGroups, codecs } of parseSdp(sdp).media) {
      const known = this.#publications.get(publications.get(mid) ?? '')
      const member = known?.member ?? this.#members.get(users.get(mid) ?? '')
      if (member === undefined || kind === 'application') continue
      for (const { payloadType, name, retransmissionPayloadType } of codecs) {
        if (name.toLowerCase() === 'red' && kind === 'audio') this.#redundant.add(payloadType)
        if (name.toLowerCase() === 'vp8') this.#pictures.add(payloadType)
        if (retransmissionPayloadType !== undefined) this.#repairs.set(retransmissionPayloadType, payloadType)
      }
      const repairs = new Map(
        sourceGroups
          .filter(({ semantics }) => semantics === 'FID')
          .map(({ ssrcs: [to = 0, by = 0] }) => [by, to]),
      )
      for (const { ssrc } of sources) {
        const stream = this.#streams.get(ssrc)
        const told = { kind, member, identity: identityOf(member, kind), repairs: repairs.get(ssrc) }
        if (stream === undefined) this.#streams.set(ssrc, { ...told, lastMs: 0, keyFrame: undefined })
        else Object.assign(stream, told)
      }
    }
    const answer = await this.#subscriber.acceptOffer(sdp)
    await this.#client.request('rtc.subscribe-answer', { roomId: this.#options.roomId, version, sdp: answer })
  }

  #take(bytes: Buffer): void {
    this.#counts.packets++
    let packet = parseRtp(bytes)
    const stream = this.#streams.get(packet.ssrc)
    if (stream === undefined) {
      this.#counts.unannounced++
      return
    }
    const now = performance.now()
    const repaired = this.#repairs.get(packet.payloadType)
    if (stream.repairs !== undefined && repaired !== undefined) {
      const original = unwrapRetransmission(packet, { ssrc: stream.repairs, payloadType: repaired })
      if (original === undefined) return
      packet = original
    }
    if (packet.payload.length === 0) return
    const { kind, member } = stream
    if (kind === 'video') {
      const unwantedMs = now - (this.#unwantedSince.get(member) ?? Infinity)
      if (unwantedMs > settleMs) this.#counts.unwanted++
      const picture = this.#pictures.has(packet.payloadType) ? stampOfPicture(packet.payload) : undefined
      if (picture?.keyFrame) stream.keyFrame = packet.timestamp
      if (picture)
        this.#check(stream, picture.stamp, repaired === undefined ? this.#options.video : undefined)
      stream.lastMs = now
      if (packet.marker && stream.keyFrame === packet.timestamp) this.#show(member, now)
      return
    }
    const stamp = stampOfSound(packet.payload, this.#redundant.has(packet.payloadType))
    if (stamp) this.#check(stream, stamp, this.#options.audio)
  }

  #check(stream: Stream, stamp: Parameters<Clocks['delayMs']>[0], delays: Samples | undefined): void {
    this.#counts.checked++
    if (stamp.identity !== stream.identity) this.#counts.wrong++
    delays?.record(this.#options.clocks.delayMs(stamp))
  }

  #show(member: number, now: number): void {
    const since = this.#awaited.get(member)
    if (since === undefined) return
    this.#awaited.delete(member)
    this.#options.shown.record(now - since)
    if (this.#awaited.size === 0) this.#shown?.()
  }

  #refused(what: string, error: unknown): void {
    this.#refusals.push(
      `${userOf(this.#options.member)}: ${what}: ${error instanceof Error ? error.message : error}`,
    )
  }
}
