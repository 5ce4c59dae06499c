import type { PublicationSource } from '@parley/contracts'
import { Emitter } from '../emitter.ts'
import { ParleyError } from '../parley-error.ts'
import type { LocalPublication } from './local-publication.ts'
import type { LocalParticipant, Participant, RemoteParticipant, RemotePublication } from './participant.ts'
import type { PublishOptions, ScreenShareOptions } from './publish-options.ts'
import type { RoomDataContent, SendDataOptions } from './room-data.ts'
import type { RoomEvents, RoomState } from './room-events.ts'
import { left, RoomSession, type RoomSessionOptions } from './room-session.ts'
import type { RtcEvent } from './rtc.ts'
import type { DistanceOptions, ListenerPosition, Position } from './spatial-audio.ts'
import type { TrackProcessor } from './track-processor.ts'

export interface RoomOptions extends Omit<RoomSessionOptions, 'tell'> {
  onOpen: (room: Room) => void
}

/** Of these events a view of the room need not learn by `changed`. */
const carriesContent = new Set<keyof RoomEvents>(['statistics', 'data', 'data-missed', 'data-refused'])

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
  readonly local: LocalParticipant
  readonly #session: RoomSession
  #revision = 0

  constructor(options: RoomOptions) {
    super()
    this.id = options.id
    this.#session = new RoomSession({ ...options, tell: (type, event) => this.#tell(type, event) })
    this.local = this.#session.local
  }

  get state(): RoomState {
    return this.#session.state
  }

  /** Everybody else, by participant id. Live. */
  get participants(): ReadonlyMap<string, RemoteParticipant> {
    return this.#session.remote.participants
  }

  /** Who speaks now, loudest first. */
  get speakers(): readonly Participant[] {
    return this.#session.speakers
  }

  /** Grows with every change, so that a view can tell whether it is out of date. */
  get revision(): number {
    return this.#revision
  }

  /** Media is encrypted end to end. */
  get isEncrypted(): boolean {
    return this.#session.transforms.sealing !== undefined
  }

  get isAudioBlocked(): boolean {
    return this.#session.remote.audio.isBlocked
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
    const [publication] = await this.#session.localMedia.publish(captured)
    if (!publication) throw new ParleyError('device-not-found', 'Nothing was captured')
    return publication
  }

  setMicrophone(on: boolean, constraints?: MediaTrackConstraints): Promise<void> {
    return this.#session.localMedia.setSource('microphone', on, constraints)
  }

  /** Off stops the capturing, so that the light of the camera goes out. */
  setCamera(on: boolean, constraints?: MediaTrackConstraints): Promise<void> {
    return this.#session.localMedia.setSource('camera', on, constraints)
  }

  /** Call it in the handler of a click. Rejects with `permission-denied` when the user chooses nothing. */
  startScreenShare(options: ScreenShareOptions = {}): Promise<LocalPublication> {
    return this.#session.localMedia.startScreenShare(options)
  }

  stopScreenShare(): Promise<void> {
    return this.#session.localMedia.stopScreenShare()
  }

  get audioProcessor(): TrackProcessor | undefined {
    return this.#session.localMedia.processor('audio')
  }

  get videoProcessor(): TrackProcessor | undefined {
    return this.#session.localMedia.processor('video')
  }

  /**
   * What the microphone captures goes through the processor, now, after changes of device, mutes and reconnects, until
   * another is set; undefined: as it is captured. Nothing is renegotiated. One that fails is told by `processor-failed`.
   */
  async setAudioProcessor(processor: TrackProcessor | undefined): Promise<void> {
    await this.#session.localMedia.setProcessor('audio', processor)
    this.#change()
  }

  /** The same for the camera. */
  async setVideoProcessor(processor: TrackProcessor | undefined): Promise<void> {
    await this.#session.localMedia.setProcessor('video', processor)
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
    if (kind === 'audiooutput') await this.#session.remote.audio.setDevice(deviceId)
    else await this.#session.localMedia.switchDevice(kind === 'audioinput' ? 'audio' : 'video', deviceId)
    this.#change()
  }

  /** The device in use, as far as known. */
  deviceId(kind: MediaDeviceKind): string | undefined {
    if (kind === 'audiooutput') return this.#session.remote.audio.deviceId
    return this.#session.localMedia.deviceId(kind === 'audioinput' ? 'audio' : 'video')
  }

  /** Plays what the browser held back; call it in the handler of a click. */
  startAudio(): Promise<void> {
    return this.#session.remote.audio.start()
  }

  /** Where this client is, and looks: at the origin, away from the viewer, until told. */
  setListenerPosition(position: ListenerPosition): void {
    this.#session.remote.audio.spatial.setListener(position)
  }

  get listenerPosition(): ListenerPosition {
    return this.#session.remote.audio.spatial.listener
  }

  /**
   * Lets the microphones of a user be heard from a place; undefined: from everywhere. It is kept by user, so that it
   * outlasts reconnects, and concerns this client only: the application tells others. Needs `playsAudio`.
   */
  setParticipantPosition(participant: RemoteParticipant, position: Position | undefined): void {
    this.#session.remote.audio.setPosition(participant.userId, position)
  }

  participantPosition(participant: RemoteParticipant): Position | undefined {
    return this.#session.remote.audio.positionOf(participant.userId)
  }

  /** How voices get quieter with distance. */
  setDistanceOptions(options: DistanceOptions): void {
    this.#session.remote.audio.spatial.setDistance(options)
  }

  /** Stops or takes up again what somebody publishes, for this client only. */
  setSubscribed(publication: RemotePublication, subscribed: boolean): void {
    this.#session.remote.setEnabled(publication, subscribed)
  }

  /**
   * Sends a message to the others in the room, or to some of them. Resolves with the number of receivers once the server
   * has a reliable message, and with undefined when a lossy one has left. Rejects with the server's code: `grant-missing`,
   * `limit-exceeded` (too large), `rate-limited`, or `connection-lost`: then nobody knows whether it arrived.
   */
  async sendData(content: RoomDataContent, options: SendDataOptions = {}): Promise<number | undefined> {
    if (this.#session.state.status === 'closed') throw left()
    if (!this.#session.wantsData)
      throw new ParleyError('not-implemented', 'This room was joined without data channels')
    return this.#session.data.send(content, options)
  }

  /** Mutes somebody else; needs `local.isModerator`. */
  async muteOther(publication: RemotePublication): Promise<void> {
    await this.#session.place.ask('rtc.mute-other', { publicationId: publication.id })
  }

  /** Removes somebody else; needs `local.isModerator`. */
  async remove(participant: RemoteParticipant): Promise<void> {
    await this.#session.place.ask('rtc.remove', { participantId: participant.id })
  }

  /** Leaves; resolves once the server knows, or cannot be told. Tracks the SDK captured are stopped. */
  leave(): Promise<void> {
    return this.#session.leave()
  }

  /** @internal */
  enter(): Promise<void> {
    return this.#session.enter()
  }

  /** @internal */
  handleEvent(event: RtcEvent): void {
    this.#session.handleEvent(event)
  }

  /** @internal */
  handleConnected(): void {
    this.#session.handleConnected()
  }

  /** @internal */
  handleDisconnected(): void {
    this.#session.handleDisconnected()
  }

  async #capture(constraints: MediaTrackConstraints, options: PublishOptions) {
    const { source = 'camera' } = options
    const sources: PublicationSource[] = ['camera', 'microphone']
    if (!sources.includes(source)) {
      throw new ParleyError('invalid-request', `A source ${source} wants a track, not constraints`)
    }
    const captured = await this.#session.localMedia.capture(
      source === 'microphone' && constraints,
      source === 'camera' && constraints,
    )
    return captured.map((each) => ({ ...each, options: { ...options, source } }))
  }

  #tell<Type extends keyof RoomEvents>(type: Type, event: RoomEvents[Type]): void {
    this.emit(type, event)
    if (carriesContent.has(type)) return
    this.#change()
    if (type === 'closed') this.dropListeners()
  }

  #change(): void {
    this.#revision++
    this.emit('changed', undefined)
  }
}
