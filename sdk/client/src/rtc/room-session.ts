import type { FrameAnswers, RtcLeaveReason } from '@parley/contracts'
import type { Request } from '../connection/connection.ts'
import { ParleyError } from '../parley-error.ts'
import type { Devices } from './devices.ts'
import { LocalMedia } from './local-media.ts'
import type { LocalPublication } from './local-publication.ts'
import { LocalParticipant, type Participant, type Publication } from './participant.ts'
import { RemoteMedia, type RemotePublicationEvent } from './remote-media.ts'
import { RoomDataChannels } from './room-data.ts'
import type { JoinOptions, RoomCloseReason, RoomEvents, RoomState } from './room-events.ts'
import { RoomHealth } from './room-health.ts'
import { RoomPlace } from './room-place.ts'
import { RoomTransforms } from './room-transforms.ts'
import type { RtcEvent } from './rtc.ts'

export interface RoomSessionOptions {
  id: string
  userId: string
  join: JoinOptions
  request: Request
  isConnected: () => boolean
  devices: Devices
  /** `told` resolves once the server knows that the place is given up. */
  onClose: (told: Promise<void>) => void
  /** `closed` is the last event. */
  tell: <Type extends keyof RoomEvents>(type: Type, event: RoomEvents[Type]) => void
}

/** Ends of a place that a new join can mend. */
const mendable = new Set<RtcLeaveReason>(['connection-lost', 'media-timeout', 'server-stopping'])

export function left(): ParleyError {
  return new ParleyError('closed', 'The room was left')
}

/**
 * A room at work: takes what the server tells to the part it concerns, and keeps the state. It owns the place, both
 * kinds of media, data channels and what measures them; `leave` ends them.
 */
export class RoomSession {
  readonly local = new LocalParticipant()
  readonly localMedia: LocalMedia
  readonly remote: RemoteMedia
  readonly place: RoomPlace
  readonly data: RoomDataChannels
  readonly transforms: RoomTransforms
  readonly #options: RoomSessionOptions
  readonly #health: RoomHealth
  readonly #lost = new Set<'signalling' | 'publish' | 'subscribe'>()
  #state: RoomState = { status: 'joining' }
  #speakers: readonly Participant[] = []
  #entered = false
  /** A page that goes away for good says so, as the server would keep the place for half a minute. */
  readonly #onPageHide = ({ persisted }: PageTransitionEvent) => {
    if (!persisted) void this.leave()
  }

  constructor(options: RoomSessionOptions) {
    const { join, tell } = options
    this.#options = options
    this.local.userId = options.userId
    this.transforms = new RoomTransforms({ deepRedundancy: join.deepRedundancy !== false })
    this.data = new RoomDataChannels({
      onMessage: (message) =>
        tell('data', {
          ...message,
          participant: this.remote.participants.get(message.from?.participantId ?? ''),
        }),
      onMissed: (count) => tell('data-missed', { count }),
      onRefused: (refused) => tell('data-refused', refused),
    })
    this.place = new RoomPlace({
      roomId: options.id,
      join: () => ({
        e2ee: join.e2ee !== undefined,
        ...(join.name !== undefined && { name: join.name }),
        ...(this.wantsData && { data: true }),
      }),
      request: options.request,
      isConnected: options.isConnected,
      onLost: () => this.#setLost('signalling', true),
      onTaken: (answer, fresh) => this.#handleTaken(answer, fresh),
      onEvent: (event) => this.#take(event),
      onCaughtUp: (answer, fresh) => this.#handleCaughtUp(answer, fresh),
      onFailed: (error) => this.#end('failed', error),
    })
    this.localMedia = this.#newLocalMedia()
    this.remote = this.#newRemoteMedia()
    this.#health = new RoomHealth({
      local: this.local,
      localMedia: this.localMedia,
      remote: this.remote,
      adaptsToCpu: join.adaptsToCpu !== false,
      lost: () => ({ publish: this.#lost.has('publish'), subscribe: this.#lost.has('subscribe') }),
      tell,
      onMeasured: (facts) => {
        if (this.#state.status === 'connected') this.place.handleSteady()
        this.place.tell('rtc.report', { facts }).catch(() => undefined) // Two seconds are lost.
      },
    })
  }

  get state(): RoomState {
    return this.#state
  }

  get speakers(): readonly Participant[] {
    return this.#speakers
  }

  /** In Node there is no WebRTC to carry it, and what is told in an encrypted room the server may not read. */
  get wantsData(): boolean {
    const { data = true, e2ee } = this.#options.join
    return data && e2ee === undefined && typeof RTCPeerConnection !== 'undefined'
  }

  async enter(): Promise<void> {
    const { audio = false, video = false, e2ee, audioProcessor, videoProcessor } = this.#options.join
    if (e2ee) await this.transforms.seal(e2ee.keys, this.local.userId)
    if (audioProcessor) void this.localMedia.setProcessor('audio', audioProcessor)
    if (videoProcessor) void this.localMedia.setProcessor('video', videoProcessor)
    const capturing = audio || video ? this.localMedia.capture(audio, video) : undefined
    capturing?.catch(() => undefined)
    if (audio) void this.transforms.start()
    await this.place.enter(left)
    this.#entered = true
    this.#health.start()
    globalThis.addEventListener?.('pagehide', this.#onPageHide)
    if (capturing) await this.localMedia.publish(await capturing)
  }

  async leave(): Promise<void> {
    if (this.#state.status === 'closed') return
    const told = this.place.leave()
    this.#end('left', undefined, told)
    await told
  }

  handleEvent(event: RtcEvent): void {
    if (this.#state.status !== 'closed') this.place.handleEvent(event)
  }

  handleConnected(): void {
    if (this.#entered) void this.place.comeBack(false)
  }

  handleDisconnected(): void {
    if (this.#state.status === 'closed' || !this.#entered) return
    this.place.handleDisconnected()
    this.#setLost('signalling', true)
  }

  #newLocalMedia(): LocalMedia {
    const { join, devices, tell } = this.#options
    const changed = (type: 'added' | 'changed' | 'removed') => (publication: LocalPublication) =>
      tell(`publication-${type}`, { publication, participant: this.local })
    return new LocalMedia({
      local: this.local,
      devices,
      transforms: () => this.transforms.start(),
      sealing: () => this.transforms.sealing,
      onSealing: (publication) => this.#tellE2ee(publication, this.local),
      codec: join.codec,
      exchange: (sdp, publications) => this.place.ask('rtc.publish', { sdp, publications }),
      sendMuted: (publicationId, muted) => this.place.tell('rtc.mute', { publicationId, muted }),
      onPath: (lost) => this.#setLost('publish', lost),
      onGivenUp: () => void this.place.comeBack(true),
      onAdded: changed('added'),
      onChanged: changed('changed'),
      onRemoved: changed('removed'),
      onProcessorFailed: (failure) => tell('processor-failed', failure),
    })
  }

  #newRemoteMedia(): RemoteMedia {
    const { join, tell } = this.#options
    return new RemoteMedia({
      playsAudio: join.playsAudio ?? true,
      adaptive: join.adaptive ?? true,
      sealing: () => this.transforms.sealing,
      onSealing: ({ publication, participant }) => this.#tellE2ee(publication, participant),
      answer: (sdp, version) => this.place.tell('rtc.subscribe-answer', { sdp, version }),
      requestRestart: (anew) => this.place.tell('rtc.restart-subscribe', { anew }),
      onDataChannel: (channel) => this.data.attach(channel),
      // What is refused concerns publications that have just ended; what is lost is told after the next join.
      sendWishes: (items) => void this.place.tell('rtc.subscriptions', { items }).catch(() => undefined),
      onPath: (lost) => this.#setLost('subscribe', lost),
      onGivenUp: () => void this.place.comeBack(true),
      onAudioBlocked: (blocked) => tell('audio-blocked', { blocked }),
      onJoined: (participant) => tell('participant-joined', { participant }),
      onLeft: (participant, reason) => tell('participant-left', { participant, reason }),
      onAdded: (event: RemotePublicationEvent) => tell('publication-added', event),
      onChanged: (event: RemotePublicationEvent) => tell('publication-changed', event),
      onRemoved: (event: RemotePublicationEvent) => tell('publication-removed', event),
      onSubscribed: (event) => tell('track-subscribed', event),
      onUnsubscribed: (event) => tell('track-unsubscribed', event),
    })
  }

  #take(event: RtcEvent): void {
    const { remote } = this
    switch (event.type) {
      case 'rtc.participant-joined':
        if (event.participant.id !== this.local.id) remote.handleParticipant(event.participant)
        return
      case 'rtc.participant-left':
        remote.handleLeft(event.participantId, event.reason)
        return
      case 'rtc.publication-added':
      case 'rtc.publication-changed': {
        const { participantId, publication } = event
        if (participantId !== this.local.id) remote.handlePublication(participantId, publication)
        else this.localMedia.handleMuted(publication.id, publication.muted)
        return
      }
      case 'rtc.publication-removed':
        remote.handleRemoved(event.participantId, event.publicationId)
        return
      case 'rtc.subscribe-offer':
        remote.handleOffer(event)
        return
      case 'rtc.speakers':
        this.#takeSpeakers(event.speakers)
        return
      case 'rtc.subscription-changed':
        remote.handleDelivery(event)
        return
      case 'rtc.publication-layers':
        this.localMedia.handleLayers(event.publicationId, event.active)
        return
      case 'rtc.network-levels':
        this.#health.handleNetworkLevels(event)
        return
      case 'rtc.path-measured':
        this.#health.handlePath(event)
        return
      case 'rtc.moved':
        remote.handleMoved()
        this.#setLost('publish', false)
        this.#setLost('subscribe', false)
        this.localMedia.handleMoved().catch(() => void this.place.comeBack(true))
        return
      case 'rtc.closed':
        if (mendable.has(event.reason)) void this.place.comeBack(true)
        else this.#end(event.reason)
        return
    }
  }

  #takeSpeakers(levels: readonly { participantId: string; level: number }[]): void {
    for (const speaker of this.#speakers) setSpeaking(speaker, 0)
    this.#speakers = levels.flatMap(({ participantId, level }) => {
      const participant =
        participantId === this.local.id ? this.local : this.remote.participants.get(participantId)
      if (!participant) return []
      setSpeaking(participant, level)
      return [participant]
    })
    this.#options.tell('speakers', { speakers: this.#speakers })
  }

  #handleTaken(answer: FrameAnswers['rtc.join'], fresh: boolean): void {
    const { local } = this
    local.id = answer.participantId
    local.canPublish = answer.canPublish
    local.canSubscribe = answer.canSubscribe
    local.canSendData = answer.canSendData
    local.isModerator = answer.admin
    const own = answer.participants.find(({ id }) => id === local.id)
    local.name = own?.name ?? this.#options.join.name
    if (fresh)
      this.data.handleGone(new ParleyError('connection-lost', 'The place was lost', { retryable: true }))
    const others = answer.participants.filter(({ id }) => id !== local.id)
    this.remote.handleJoined(others, answer.iceServers, fresh)
  }

  #handleCaughtUp(answer: FrameAnswers['rtc.join'], fresh: boolean): Promise<void> {
    if (fresh) {
      this.#lost.delete('publish')
      this.#lost.delete('subscribe')
    }
    this.#setLost('signalling', false)
    return fresh ? this.localMedia.handleFreshPlace(answer.iceServers) : this.localMedia.handleResumed()
  }

  #tellE2ee(publication: Publication, participant: Participant): void {
    const { e2ee: state } = publication
    if (state !== undefined) this.#options.tell('e2ee-state', { publication, participant, state })
  }

  #setLost(part: 'signalling' | 'publish' | 'subscribe', lost: boolean): void {
    if (lost) this.#lost.add(part)
    else this.#lost.delete(part)
    if (this.#state.status === 'closed') return
    if (this.#lost.size === 0) this.#setState({ status: 'connected' })
    else {
      const cause = this.#lost.has('signalling') ? 'signalling' : 'media'
      this.#setState({ status: 'reconnecting', cause })
    }
  }

  #setState(state: RoomState): void {
    const before = this.#state
    if (
      state.status === before.status &&
      !('cause' in state && 'cause' in before && state.cause !== before.cause)
    ) {
      return
    }
    this.#state = state
    this.#options.tell('state', state)
  }

  #end(reason: RoomCloseReason, error?: ParleyError, told = Promise.resolve()): void {
    if (this.#state.status === 'closed') return
    globalThis.removeEventListener?.('pagehide', this.#onPageHide)
    this.place.close(left())
    this.#health.close()
    this.remote.close()
    this.data.close(left())
    this.localMedia.close()
    this.transforms.close()
    const facts = { reason, ...(error && { error }) }
    this.#state = { status: 'closed', ...facts }
    this.#options.onClose(told)
    this.#options.tell('state', this.#state)
    this.#options.tell('closed', facts)
  }
}

function setSpeaking(participant: { level: number; speaking: boolean } & Participant, level: number): void {
  participant.level = level
  participant.speaking = level > 0
}
