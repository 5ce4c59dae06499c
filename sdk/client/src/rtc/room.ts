import type {
  ClientFrameBody,
  ClientFrameType,
  FrameAnswers,
  PublicationSource,
  RtcLeaveReason,
} from '@parley/contracts'
import { Backoff } from '../connection/backoff.ts'
import type { Request } from '../connection/connection.ts'
import { Emitter } from '../emitter.ts'
import { asParleyError, ParleyError } from '../parley-error.ts'
import { CpuAdaptation, receiveSteps } from './cpu-adaptation.ts'
import type { Devices } from './devices.ts'
import type { KeyRing } from './key-ring.ts'
import { LocalMedia } from './local-media.ts'
import type { LocalPublication } from './local-publication.ts'
import {
  LocalParticipant,
  type Participant,
  type ParticipantNetwork,
  type Publication,
  type RemoteParticipant,
  type RemotePublication,
} from './participant.ts'
import { PlaceQueue } from './place-queue.ts'
import type { PublishOptions, ScreenShareOptions } from './publish-options.ts'
import { RemoteMedia, type RemotePublicationEvent } from './remote-media.ts'
import { RoomDataChannels, type RoomDataContent, type SendDataOptions } from './room-data.ts'
import type { JoinOptions, RoomCloseReason, RoomEvents, RoomState } from './room-events.ts'
import { roomQuality } from './room-quality.ts'
import type { RtcEvent } from './rtc.ts'
import type { DistanceOptions, ListenerPosition, Position } from './spatial-audio.ts'
import { asLevels, factsOf, type Quality, type RoomStatistics, withLost, withPath } from './statistics.ts'
import { StatisticsSampler } from './statistics-sampler.ts'
import type { TrackProcessor } from './track-processor.ts'
import { MediaTransforms } from './transform/media-transforms.ts'

export interface RoomOptions {
  id: string
  userId: string
  join: JoinOptions
  request: Request
  isConnected: () => boolean
  devices: Devices
  onOpen: (room: Room) => void
  /** `told` resolves once the server knows that the place is given up. */
  onClose: (told: Promise<void>) => void
}

/** Ends of a place that a new join can mend. */
const mendable = new Set<RtcLeaveReason>(['connection-lost', 'media-timeout', 'server-stopping'])
const leaveTimeoutMs = 2_000

type InRoom<T extends ClientFrameType> = Omit<ClientFrameBody<T>, 'roomId'>

/** Joins and resolves with the room once everything asked for is published. */
export async function openRoom(options: RoomOptions): Promise<Room> {
  const room = new Room(options)
  const { signal } = options.join
  const abort = () => void room.leave()
  signal?.addEventListener('abort', abort)
  options.onOpen(room)
  try {
    await room.enter()
    signal?.throwIfAborted()
    return room
  } catch (error) {
    await room.leave()
    signal?.throwIfAborted()
    throw error
  } finally {
    signal?.removeEventListener('abort', abort)
  }
}

/**
 * A room this client is in. It owns its two peer connections, timers and the tracks it captured; `leave` ends
 * them. When the socket is lost the media goes on and the place is taken up again; when the network path is lost
 * ICE is restarted; when the place is gone the room is joined anew with the same publications.
 */
export class Room extends Emitter<RoomEvents> {
  readonly id: string
  readonly local = new LocalParticipant()
  readonly #options: RoomOptions
  readonly #cpu: CpuAdaptation | undefined
  readonly #localMedia: LocalMedia
  readonly #remote: RemoteMedia
  readonly #sampler: StatisticsSampler
  readonly #data = new RoomDataChannels({
    onMessage: (message) =>
      this.emit('data', {
        ...message,
        participant: this.participants.get(message.from?.participantId ?? ''),
      }),
    onMissed: (count) => this.emit('data-missed', { count }),
    onRefused: (refused) => this.emit('data-refused', refused),
  })
  readonly #backoff = new Backoff({ baseMs: 500, maxMs: 8_000 })
  readonly #lost = new Set<'signalling' | 'publish' | 'subscribe'>()
  #state: RoomState = { status: 'joining' }
  #revision = 0
  #speakers: readonly Participant[] = []
  #early: RtcEvent[] = []
  /** As the server told it since the last statistics. */
  #path: Extract<RtcEvent, { type: 'rtc.path-measured' }> | undefined
  #inPlace = false
  #entered = false
  #wantsFreshPlace = false
  #attempt = 0
  #wake: () => void = () => undefined
  /** Counts fresh places: what was meant for an earlier one must not reach a later one. */
  #placeNumber = 0
  readonly #places = new PlaceQueue()
  /** Begun with the first sound. */
  #transforms: Promise<MediaTransforms | undefined> | undefined
  /** Of an end-to-end encrypted room, from before the first join on. */
  #sealing: MediaTransforms | undefined
  /** A page that goes away for good says so, as the server would keep the place for half a minute. */
  readonly #onPageHide = ({ persisted }: PageTransitionEvent) => {
    if (!persisted) void this.leave()
  }

  constructor(options: RoomOptions) {
    super()
    this.id = options.id
    this.local.userId = options.userId
    this.#options = options
    const changedLocally = (type: 'added' | 'changed' | 'removed') => (publication: LocalPublication) =>
      this.#tell(`publication-${type}`, { publication, participant: this.local })
    this.#localMedia = new LocalMedia({
      local: this.local,
      devices: options.devices,
      transforms: () => this.#startTransforms(),
      sealing: () => this.#sealing,
      onSealing: (publication) => this.#tellE2ee(publication, this.local),
      codec: options.join.codec,
      exchange: (sdp, publications) => this.#ask('rtc.publish', { sdp, publications }),
      sendMuted: (publicationId, muted) => this.#tellServer('rtc.mute', { publicationId, muted }),
      onPath: (lost) => this.#setLost('publish', lost),
      onGivenUp: () => void this.#comeBack(true),
      onAdded: changedLocally('added'),
      onChanged: changedLocally('changed'),
      onRemoved: changedLocally('removed'),
      onProcessorFailed: (failure) => this.#tell('processor-failed', failure),
    })
    this.#remote = new RemoteMedia({
      playsAudio: options.join.playsAudio ?? true,
      adaptive: options.join.adaptive ?? true,
      sealing: () => this.#sealing,
      onSealing: ({ publication, participant }) => this.#tellE2ee(publication, participant),
      answer: (sdp, version) => this.#tellServer('rtc.subscribe-answer', { sdp, version }),
      requestRestart: () => this.#tellServer('rtc.restart-subscribe', {}),
      onDataChannel: (channel) => this.#data.attach(channel),
      // What is refused concerns publications that have just ended; what is lost is told after the next join.
      sendWishes: (items) => void this.#tellServer('rtc.subscriptions', { items }).catch(() => undefined),
      onPath: (lost) => this.#setLost('subscribe', lost),
      onGivenUp: () => void this.#comeBack(true),
      onAudioBlocked: (blocked) => this.#tell('audio-blocked', { blocked }),
      onJoined: (participant) => this.#tell('participant-joined', { participant }),
      onLeft: (participant, reason) => this.#tell('participant-left', { participant, reason }),
      onAdded: (event: RemotePublicationEvent) => this.#tell('publication-added', event),
      onChanged: (event: RemotePublicationEvent) => this.#tell('publication-changed', event),
      onRemoved: (event: RemotePublicationEvent) => this.#tell('publication-removed', event),
      onSubscribed: (event) => this.#tell('track-subscribed', event),
      onUnsubscribed: (event) => this.#tell('track-unsubscribed', event),
    })
    this.#cpu = options.join.adaptsToCpu === false ? undefined : new CpuAdaptation()
    this.#sampler = new StatisticsSampler({
      publish: () => this.#localMedia.getStats(),
      subscribe: () => this.#remote.getStats(),
      publicationOfMid: (connection, mid) =>
        connection === 'publish'
          ? this.#localMedia.publicationOfMid(mid)
          : this.#remote.publicationOfMid(mid),
      onStatistics: (statistics) => this.#takeStatistics(statistics),
    })
  }

  get state(): RoomState {
    return this.#state
  }

  /** Everybody else, by participant id. Live. */
  get participants(): ReadonlyMap<string, RemoteParticipant> {
    return this.#remote.participants
  }

  /** Who speaks now, loudest first. */
  get speakers(): readonly Participant[] {
    return this.#speakers
  }

  /** Grows with every change, so that a view can tell whether it is out of date. */
  get revision(): number {
    return this.#revision
  }

  /** Media is encrypted end to end. */
  get isEncrypted(): boolean {
    return this.#sealing !== undefined
  }

  get isAudioBlocked(): boolean {
    return this.#remote.audio.isBlocked
  }

  /** Publishes a track of the application's own, or captures by constraints (source camera or microphone). */
  async publish(
    input: MediaStreamTrack | MediaTrackConstraints,
    options: PublishOptions = {},
  ): Promise<LocalPublication> {
    const captured =
      input instanceof MediaStreamTrack
        ? [{ track: input, options, constraints: undefined }]
        : await this.#capture(input, options)
    const [publication] = await this.#localMedia.publish(captured)
    if (!publication) throw new ParleyError('device-not-found', 'Nothing was captured')
    return publication
  }

  setMicrophone(on: boolean, constraints?: MediaTrackConstraints): Promise<void> {
    return this.#localMedia.setSource('microphone', on, constraints)
  }

  /** Off stops the capturing, so that the light of the camera goes out. */
  setCamera(on: boolean, constraints?: MediaTrackConstraints): Promise<void> {
    return this.#localMedia.setSource('camera', on, constraints)
  }

  /** Call it in the handler of a click. Rejects with `permission-denied` when the user chooses nothing. */
  startScreenShare(options: ScreenShareOptions = {}): Promise<LocalPublication> {
    return this.#localMedia.startScreenShare(options)
  }

  stopScreenShare(): Promise<void> {
    return this.#localMedia.stopScreenShare()
  }

  get audioProcessor(): TrackProcessor | undefined {
    return this.#localMedia.processor('audio')
  }

  get videoProcessor(): TrackProcessor | undefined {
    return this.#localMedia.processor('video')
  }

  /**
   * What the microphone captures goes through the processor, now, after changes of device, mutes and reconnects, until
   * another is set; undefined: as it is captured. Nothing is renegotiated. One that fails is told by `processor-failed`.
   */
  async setAudioProcessor(processor: TrackProcessor | undefined): Promise<void> {
    await this.#localMedia.setProcessor('audio', processor)
    this.#change()
  }

  /** The same for the camera. */
  async setVideoProcessor(processor: TrackProcessor | undefined): Promise<void> {
    await this.#localMedia.setProcessor('video', processor)
    this.#change()
  }

  mute(publication: LocalPublication): Promise<void> {
    return publication.mute()
  }

  unmute(publication: LocalPublication): Promise<void> {
    return publication.unmute()
  }

  /** Uses another microphone, camera or loudspeaker. */
  async switchDevice(kind: MediaDeviceKind, deviceId: string): Promise<void> {
    if (kind === 'audiooutput') await this.#remote.audio.setDevice(deviceId)
    else await this.#localMedia.switchDevice(kind === 'audioinput' ? 'audio' : 'video', deviceId)
    this.#change()
  }

  /** The device in use, as far as known. */
  deviceId(kind: MediaDeviceKind): string | undefined {
    if (kind === 'audiooutput') return this.#remote.audio.deviceId
    return this.#localMedia.deviceId(kind === 'audioinput' ? 'audio' : 'video')
  }

  /** Plays what the browser held back; call it in the handler of a click. */
  startAudio(): Promise<void> {
    return this.#remote.audio.start()
  }

  /** Where this client is, and looks: at the origin, away from the viewer, until told. */
  setListenerPosition(position: ListenerPosition): void {
    this.#remote.audio.spatial.setListener(position)
  }

  get listenerPosition(): ListenerPosition {
    return this.#remote.audio.spatial.listener
  }

  /**
   * Lets the microphones of a user be heard from a place; undefined: from everywhere. It is kept by user, so that it
   * outlasts reconnects, and concerns this client only: the application tells others. Needs `playsAudio`.
   */
  setParticipantPosition(participant: RemoteParticipant, position: Position | undefined): void {
    this.#remote.audio.setPosition(participant.userId, position)
  }

  participantPosition(participant: RemoteParticipant): Position | undefined {
    return this.#remote.audio.positionOf(participant.userId)
  }

  /** How voices get quieter with distance. */
  setDistanceOptions(options: DistanceOptions): void {
    this.#remote.audio.spatial.setDistance(options)
  }

  /** Stops or takes up again what somebody publishes, for this client only. */
  setSubscribed(publication: RemotePublication, subscribed: boolean): void {
    this.#remote.setEnabled(publication, subscribed)
  }

  /**
   * Sends a message to the others in the room, or to some of them. Resolves with the number of receivers once the server
   * has a reliable message, and with undefined when a lossy one has left. Rejects with the server's code: `grant-missing`,
   * `limit-exceeded` (too large), `rate-limited`, or `connection-lost`: then nobody knows whether it arrived.
   */
  async sendData(content: RoomDataContent, options: SendDataOptions = {}): Promise<number | undefined> {
    if (this.#state.status === 'closed') throw left()
    if (!this.#wantsData)
      throw new ParleyError('not-implemented', 'This room was joined without data channels')
    return this.#data.send(content, options)
  }

  /** Mutes somebody else; needs `local.isModerator`. */
  async muteOther(publication: RemotePublication): Promise<void> {
    await this.#ask('rtc.mute-other', { publicationId: publication.id })
  }

  /** Removes somebody else; needs `local.isModerator`. */
  async remove(participant: RemoteParticipant): Promise<void> {
    await this.#ask('rtc.remove', { participantId: participant.id })
  }

  /** Leaves; resolves once the server knows, or cannot be told. Tracks the SDK captured are stopped. */
  async leave(): Promise<void> {
    if (this.#state.status === 'closed') return
    const told = this.#tellLeft()
    this.#end('left', undefined, told)
    await told
  }

  /** @internal */
  async enter(): Promise<void> {
    const { audio = false, video = false, e2ee, audioProcessor, videoProcessor } = this.#options.join
    if (e2ee) await this.#startSealing(e2ee.keys)
    if (audioProcessor) void this.#localMedia.setProcessor('audio', audioProcessor)
    if (videoProcessor) void this.#localMedia.setProcessor('video', videoProcessor)
    const capturing = audio || video ? this.#localMedia.capture(audio, video) : undefined
    capturing?.catch(() => undefined)
    if (audio) void this.#startTransforms()
    const answer = await this.#request('rtc.join', this.#joinBody())
    if (this.#state.status === 'closed') throw left()
    await this.#takePlace(answer, true)
    this.#entered = true
    this.#sampler.start()
    globalThis.addEventListener?.('pagehide', this.#onPageHide)
    if (capturing) await this.#localMedia.publish(await capturing)
  }

  /** @internal */
  handleEvent(event: RtcEvent): void {
    if (this.#state.status === 'closed') return
    // What comes before the answer to a join belongs to the place it will describe.
    if (!this.#inPlace) this.#early.push(event)
    else this.#take(event)
  }

  /** @internal */
  handleConnected(): void {
    if (this.#entered) void this.#comeBack(false)
  }

  /** @internal */
  handleDisconnected(): void {
    if (this.#state.status === 'closed' || !this.#entered) return
    this.#inPlace = false
    this.#early = []
    this.#setLost('signalling', true)
  }

  #take(event: RtcEvent): void {
    const remote = this.#remote
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
        else this.#localMedia.handleMuted(publication.id, publication.muted)
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
        this.#localMedia.handleLayers(event.publicationId, event.active)
        return
      case 'rtc.network-levels':
        for (const { participantId, uplink, downlink } of event.levels) {
          const participant = remote.participants.get(participantId)
          if (participant) this.#setNetwork(participant, asLevels(uplink, downlink))
        }
        return
      case 'rtc.path-measured':
        this.#path = event
        return
      case 'rtc.moved':
        remote.handleMoved()
        this.#setLost('publish', false)
        this.#setLost('subscribe', false)
        this.#localMedia.handleMoved().catch(() => void this.#comeBack(true))
        return
      case 'rtc.closed':
        if (mendable.has(event.reason)) void this.#comeBack(true)
        else this.#end(event.reason)
        return
    }
  }

  #takeSpeakers(levels: readonly { participantId: string; level: number }[]): void {
    for (const speaker of this.#speakers) setSpeaking(speaker, 0)
    this.#speakers = levels.flatMap(({ participantId, level }) => {
      const participant =
        participantId === this.local.id ? this.local : this.#remote.participants.get(participantId)
      if (!participant) return []
      setSpeaking(participant, level)
      return [participant]
    })
    this.#tell('speakers', { speakers: this.#speakers })
  }

  #takeStatistics(measured: RoomStatistics): void {
    const statistics = withLost(withPath(measured, this.#path), {
      publish: this.#lost.has('publish'),
      subscribe: this.#lost.has('subscribe'),
    })
    this.#path = undefined
    this.#remote.setPlayout(statistics.received, statistics.downlink)
    this.#localMedia.handleStatistics(statistics)
    if (this.#state.status === 'connected') this.#backoff.reset()
    const qualities = roomQuality(statistics, {
      participants: this.#remote.participants.values(),
      hasLostPublish: this.#lost.has('publish'),
      hasLostSubscribe: this.#lost.has('subscribe'),
    })
    this.#setQuality(this.local, qualities.own)
    for (const [participant, quality] of qualities.others) this.#setQuality(participant, quality)
    this.#setNetwork(this.local, { uplink: statistics.uplinkLevel, downlink: statistics.downlinkLevel })
    this.#adaptToCpu(statistics)
    this.emit('statistics', statistics)
    const facts = factsOf(statistics, qualities.own)
    this.#tellServer('rtc.report', { facts }).catch(() => undefined) // Two seconds are lost.
  }

  #setNetwork(
    participant: { network: ParticipantNetwork | undefined } & Participant,
    network: ParticipantNetwork,
  ): void {
    const before = participant.network
    if (before?.uplink === network.uplink && before.downlink === network.downlink) return
    participant.network = network
    this.#tell('network', { participant, network })
  }

  #adaptToCpu(statistics: RoomStatistics): void {
    const isHidden = globalThis.document?.visibilityState === 'hidden'
    for (const change of this.#cpu?.update(statistics, isHidden) ?? []) {
      // A sender that was released meanwhile takes no parameters.
      if (change.direction === 'sent') this.#localMedia.setCpuStep(change.step).catch(() => undefined)
      else this.#remote.setScale(receiveSteps[change.step] ?? 1)
      this.#tell('video-adapted', change)
    }
  }

  #setQuality(participant: { quality: Quality } & Participant, quality: Quality): void {
    if (participant.quality === quality) return
    participant.quality = quality
    this.#tell('quality', { participant, quality })
  }

  async #takePlace(answer: FrameAnswers['rtc.join'], fresh: boolean): Promise<void> {
    const { local } = this
    local.id = answer.participantId
    local.canPublish = answer.canPublish
    local.canSubscribe = answer.canSubscribe
    local.canSendData = answer.canSendData
    local.isModerator = answer.admin
    const own = answer.participants.find(({ id }) => id === local.id)
    local.name = own?.name ?? this.#options.join.name
    if (fresh)
      this.#data.handleGone(new ParleyError('connection-lost', 'The place was lost', { retryable: true }))
    const others = answer.participants.filter(({ id }) => id !== local.id)
    this.#remote.handleJoined(others, answer.iceServers, fresh)
    this.#inPlace = true
    for (const event of this.#early.splice(0)) this.#take(event)
    if (fresh) {
      this.#placeNumber++
      this.#lost.delete('publish')
      this.#lost.delete('subscribe')
    }
    this.#setLost('signalling', false)
    const published = fresh
      ? this.#localMedia.handleFreshPlace(answer.iceServers)
      : this.#localMedia.handleResumed()
    this.#places.settle()
    await published
  }

  /** Takes the place up again, or a fresh one, until it works or makes no sense any more. */
  async #comeBack(wantsFreshPlace: boolean): Promise<void> {
    if (this.#state.status === 'closed') return
    const attempt = ++this.#attempt
    const isCurrent = () => attempt === this.#attempt && this.#state.status !== 'closed'
    this.#wake()
    this.#inPlace = false
    this.#early = []
    this.#wantsFreshPlace ||= wantsFreshPlace
    this.#setLost('signalling', true)
    if (this.#wantsFreshPlace) await this.#pause(this.#backoff.nextMs())
    while (isCurrent()) {
      try {
        if (this.#wantsFreshPlace) await this.#request('rtc.leave', {}).catch(() => undefined)
        const answer = await this.#request('rtc.join', this.#joinBody())
        if (!isCurrent()) return
        const fresh = this.#wantsFreshPlace || !answer.resumed
        this.#wantsFreshPlace = false
        await this.#takePlace(answer, fresh)
        return
      } catch (cause) {
        if (!isCurrent()) return
        const error = asParleyError(cause, 'media-unsupported')
        // The next connection begins again.
        if (!this.#options.isConnected()) return
        if (error.code === 'participant-not-found') this.#wantsFreshPlace = true
        else if (!error.retryable) return this.#end('failed', error)
        await this.#pause(this.#backoff.nextMs(error.retryAfterMs))
      }
    }
  }

  #joinBody(): InRoom<'rtc.join'> {
    const { name } = this.#options.join
    const keepsPlace = this.local.id !== '' && !this.#wantsFreshPlace
    return {
      e2ee: this.#options.join.e2ee !== undefined,
      ...(name !== undefined && { name }),
      ...(keepsPlace && { participantId: this.local.id }),
      ...(this.#wantsData && { data: true }),
    }
  }

  /** In Node there is no WebRTC to carry it, and what is told in an encrypted room the server may not read. */
  get #wantsData(): boolean {
    const { data = true, e2ee } = this.#options.join
    return data && e2ee === undefined && typeof RTCPeerConnection !== 'undefined'
  }

  async #capture(constraints: MediaTrackConstraints, options: PublishOptions) {
    const { source = 'camera' } = options
    const sources: PublicationSource[] = ['camera', 'microphone']
    if (!sources.includes(source)) {
      throw new ParleyError('invalid-request', `A source ${source} wants a track, not constraints`)
    }
    const captured = await this.#localMedia.capture(
      source === 'microphone' && constraints,
      source === 'camera' && constraints,
    )
    return captured.map((each) => ({ ...each, options: { ...options, source } }))
  }

  async #startSealing(keys: KeyRing): Promise<void> {
    this.#transforms = MediaTransforms.start()
    this.#sealing = await this.#transforms
    if (this.#sealing === undefined) {
      throw new ParleyError('media-unsupported', 'This page cannot encrypt media end to end')
    }
    this.#sealing.useKeys(keys, this.local.userId)
  }

  #tellE2ee(publication: Publication, participant: Participant): void {
    const { e2ee: state } = publication
    if (state !== undefined) this.#tell('e2ee-state', { publication, participant, state })
  }

  async #startTransforms(): Promise<MediaTransforms | undefined> {
    if (this.#options.join.deepRedundancy === false) return undefined
    this.#transforms ??= MediaTransforms.start()
    return this.#transforms
  }

  /** For what is told again after a join by itself: without a place it fails at once. */
  async #tellServer<T extends ClientFrameType>(type: T, body: InRoom<T>): Promise<FrameAnswers[T]> {
    if (!this.#inPlace)
      throw new ParleyError('connection-lost', 'The room is joined anew', { retryable: true })
    return this.#request(type, body)
  }

  /** For what the application wants now: waits while the place is being taken up again. */
  async #ask<T extends ClientFrameType>(type: T, body: InRoom<T>): Promise<FrameAnswers[T]> {
    const place = this.#placeNumber
    if (!this.#inPlace) await this.#places.next()
    if (place !== this.#placeNumber) {
      throw new ParleyError('connection-lost', 'The place in the room was lost', { retryable: true })
    }
    return this.#request(type, body)
  }

  #request<T extends ClientFrameType>(
    type: T,
    body: InRoom<T>,
    timeoutMs?: number,
  ): Promise<FrameAnswers[T]> {
    const frame = { ...body, roomId: this.id } as unknown as ClientFrameBody<T>
    return this.#options.request(type, frame, timeoutMs === undefined ? {} : { timeoutMs })
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
    this.#tell('state', state)
  }

  async #tellLeft(): Promise<void> {
    if (!this.#options.isConnected()) return
    // A server that cannot be told notices by itself.
    await this.#request('rtc.leave', {}, leaveTimeoutMs).catch(() => undefined)
  }

  #end(reason: RoomCloseReason, error?: ParleyError, told = Promise.resolve()): void {
    if (this.#state.status === 'closed') return
    this.#attempt++
    this.#wake()
    globalThis.removeEventListener?.('pagehide', this.#onPageHide)
    this.#places.close(left())
    this.#sampler.close()
    this.#remote.close()
    this.#data.close(left())
    this.#localMedia.close()
    void this.#transforms?.then((transforms) => transforms?.close())
    const facts = { reason, ...(error && { error }) }
    this.#state = { status: 'closed', ...facts }
    this.#options.onClose(told)
    this.#tell('state', this.#state)
    this.#tell('closed', facts)
    this.dropListeners()
  }

  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(() => this.#wake(), ms)
      this.#wake = () => {
        clearTimeout(timer)
        this.#wake = () => undefined
        resolve()
      }
    })
  }

  #tell<Type extends keyof RoomEvents>(type: Type, event: RoomEvents[Type]): void {
    this.emit(type, event)
    this.#change()
  }

  #change(): void {
    this.#revision++
    this.emit('changed', undefined)
  }
}

function left(): ParleyError {
  return new ParleyError('closed', 'The room was left')
}

function setSpeaking(participant: { level: number; speaking: boolean } & Participant, level: number): void {
  participant.level = level
  participant.speaking = level > 0
}
