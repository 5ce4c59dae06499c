import type { FrameAnswers, IceServer, PublicationSource, TrackKind } from '@parley/contracts'
import { ParleyError } from '../parley-error.ts'
import { type ConnectPatience, ConnectWatch } from './connect-watch.ts'
import { redundantAudioFirst, type VideoEncoding } from './encodings.ts'
import { withAudioRequests, withOpusParameters, withPacketTime } from './opus-parameters.ts'
import { PathWatch } from './path-watch.ts'
import { SerialRun } from './serial-run.ts'
import type { MediaTransforms, RedundancyControl } from './transform/media-transforms.ts'
import type { E2eeState } from './transform/transform-worker.ts'
import { preferVideoCodec, type VideoCodec } from './video-codecs.ts'

/** One m-section of the publish connection. */
export interface Section {
  transceiver: RTCRtpTransceiver
  kind: TrackKind
  source: PublicationSource
  name: string | undefined
  muted: boolean
  /** False: it carries nothing and waits to be used again for the same source. */
  live: boolean
  publicationId: string | undefined
  /** A publication of an earlier connection that goes on here. */
  continues: string | undefined
  /** For sound whose redundancy can be set. */
  redundancy: RedundancyControl | undefined
  /** In end-to-end encrypted rooms: whether frames get out; undefined before the first. */
  sealing: E2eeState | undefined
  /** For sound: how much of it a packet holds; taken with the next `negotiate`. */
  packetMs: number
  /** Of video: as it is sent when all of it is watched. */
  encodings: readonly VideoEncoding[]
  codec: VideoCodec | undefined
}

export interface SectionWish {
  source: PublicationSource
  name: string | undefined
  muted: boolean
  /** For video. */
  encodings: VideoEncoding[] | undefined
  codec: VideoCodec | undefined
  continues?: string | undefined
}

export interface PublicationOffer {
  mid: string
  kind: TrackKind
  source: PublicationSource
  muted: boolean
  name?: string
  publicationId?: string
}

export interface PublishConnectionOptions {
  iceServers: readonly IceServer[]
  /** For redundancy; undefined where encoded frames cannot be changed. */
  transforms: () => Promise<MediaTransforms | undefined>
  /** Of an end-to-end encrypted room: nothing leaves without it. */
  sealing?: MediaTransforms | undefined
  onSealing?: (section: Section) => void
  /** Carries an offer to the server and answers its answer. */
  exchange: (sdp: string, publications: PublicationOffer[]) => Promise<FrameAnswers['rtc.publish']>
  /** Of one connection to the next; undefined: it may take as long as it likes. */
  patience?: ConnectPatience
  /** It does not come up in time: a new one in its place may. */
  onSlow?: () => void
  onLost: () => void
  onBack: () => void
  onGivenUp: () => void
}

/** What our Opus encoder is told: silence costs nothing in speech; what a screen plays is music in stereo. */
const speech = { usedtx: '1', useinbandfec: '1', minptime: '10' }
const usualPacketMs = 20
const music = { stereo: '1', 'sprop-stereo': '1', maxaveragebitrate: '128000' }

/**
 * The peer connection on which this client sends; only the client offers on it, so offers never collide. One
 * exchange runs at a time and carries every change made before it began.
 */
export class PublishConnection {
  readonly #pc: RTCPeerConnection
  readonly #options: PublishConnectionOptions
  readonly #path: PathWatch
  readonly #connecting: ConnectWatch | undefined
  readonly #sections: Section[] = []
  readonly #exchange = new SerialRun(() => this.#negotiate())
  #restartWanted = false
  #closed = false

  constructor(
    options: PublishConnectionOptions,
    pc = newPeerConnection(options.iceServers, options.sealing),
  ) {
    this.#options = options
    this.#pc = pc
    this.#path = new PathWatch(pc, {
      restart: () => this.restart(),
      onLost: options.onLost,
      onBack: options.onBack,
      onGivenUp: options.onGivenUp,
    })
    const { patience, onSlow = () => undefined } = options
    this.#connecting = patience && new ConnectWatch(pc, { patience, onSlow })
  }

  get sections(): readonly Section[] {
    return this.#sections
  }

  /** Takes a section that has become free, or a new one. It is sent with the next `negotiate`. */
  async open(track: MediaStreamTrack, wish: SectionWish): Promise<Section> {
    const kind = track.kind === 'audio' ? 'audio' : 'video'
    const free = this.#sections.find(
      (section) => !section.live && section.source === wish.source && fits(section, wish),
    )
    if (free) {
      Object.assign(free, {
        live: true,
        name: wish.name,
        muted: wish.muted,
        publicationId: undefined,
        continues: undefined,
      })
      free.encodings = wish.encodings ?? []
      free.transceiver.direction = 'sendonly'
      await sendAll(free)
      await free.transceiver.sender.replaceTrack(track)
      return free
    }
    const { sealing } = this.#options
    const transforms =
      kind === 'audio' && sealing === undefined ? await this.#options.transforms() : undefined
    // The track of a sealed section comes when nothing can get out in the clear any more.
    const transceiver = this.#pc.addTransceiver(sealing === undefined ? track : kind, {
      direction: 'sendonly',
      ...(wish.encodings && { sendEncodings: wish.encodings }),
    })
    if (kind === 'audio' && sealing === undefined) preferRedundantAudio(transceiver)
    if (kind === 'video' && wish.codec) preferVideoCodec(transceiver, wish.codec)
    const section: Section = {
      transceiver,
      kind,
      source: wish.source,
      name: wish.name,
      muted: wish.muted,
      live: true,
      publicationId: undefined,
      continues: wish.continues,
      redundancy: transforms?.attachRedundancy(transceiver.sender),
      sealing: undefined,
      packetMs: usualPacketMs,
      encodings: wish.encodings ?? [],
      codec: wish.codec,
    }
    if (sealing !== undefined) {
      await sealing.attachSeal(transceiver.sender, kind, (state) => {
        section.sealing = state
        this.#options.onSealing?.(section)
      })
      await transceiver.sender.replaceTrack(track)
    }
    this.#sections.push(section)
    return section
  }

  /** Lets a section carry nothing; the server learns it with the next `negotiate`. */
  async release(section: Section): Promise<void> {
    section.live = false
    if (this.#closed) return
    section.transceiver.direction = 'inactive'
    await section.transceiver.sender.replaceTrack(null)
  }

  /** Tells the server what is sent. Rejects with its error; the sections then stay as they were before. */
  negotiate(): Promise<void> {
    return this.#exchange.run()
  }

  /** New ICE credentials; the media goes on over the old path until the new one is there. */
  restart(): Promise<void> {
    this.#restartWanted = true
    return this.#exchange.run()
  }

  /** The signalling is there again: what could not be told meanwhile is told now. */
  async handleResumed(): Promise<void> {
    if (this.#path.isLost) this.#path.hurry()
    else if (this.#sections.some(({ live, publicationId }) => live === (publicationId === undefined))) {
      await this.negotiate()
    }
  }

  getStats(): Promise<RTCStatsReport> {
    return this.#pc.getStats()
  }

  close(): void {
    if (this.#closed) return
    this.#closed = true
    this.#path.close()
    this.#connecting?.close()
    this.#pc.close()
  }

  async #negotiate(): Promise<void> {
    if (this.#closed) throw new ParleyError('closed', 'The room was left')
    const iceRestart = this.#restartWanted
    this.#restartWanted = false
    const pc = this.#pc
    // What is opened from here on is not in this offer and must not be named in it; the next one carries it.
    const live = this.#sections.filter((section) => section.live)
    const { type, sdp } = await pc.createOffer({ iceRestart })
    await pc.setLocalDescription({ type, sdp: withAudioRequests(sdp ?? '') })
    const publications = live.map((section) => ({
      mid: section.transceiver.mid ?? '',
      kind: section.kind,
      source: section.source,
      muted: section.muted,
      ...(section.name !== undefined && { name: section.name }),
      ...(section.continues !== undefined && { publicationId: section.continues }),
    }))
    try {
      const answer = await this.#options.exchange(pc.localDescription?.sdp ?? '', publications)
      await pc.setRemoteDescription({ type: 'answer', sdp: this.#tuned(answer.sdp) })
      const ids = new Map(answer.publications.map(({ mid, id }) => [mid, id]))
      for (const section of this.#sections) {
        const isNamed = live.includes(section) && section.live
        section.publicationId = isNamed ? ids.get(section.transceiver.mid ?? '') : undefined
      }
    } catch (error) {
      if (iceRestart) this.#restartWanted = true
      if (!this.#closed && pc.signalingState === 'have-local-offer') {
        await pc.setLocalDescription({ type: 'rollback' })
      }
      throw error
    }
  }

  #tuned(sdp: string): string {
    const sectionOf = (mid: string) => this.#sections.find(({ transceiver }) => transceiver.mid === mid)
    const packetized = withPacketTime(sdp, (mid) => {
      const packetMs = sectionOf(mid)?.packetMs ?? usualPacketMs
      return packetMs === usualPacketMs ? undefined : packetMs
    })
    return withOpusParameters(packetized, (mid) => {
      const section = sectionOf(mid)
      return section?.source === 'microphone'
        ? speech
        : section?.source === 'screen-audio'
          ? music
          : undefined
    })
  }
}

/** The number of streams of a section and its codec are fixed when it is made. */
function fits({ transceiver, codec }: Section, wish: SectionWish): boolean {
  const { encodings } = wish
  if (encodings === undefined) return true
  return codec === wish.codec && transceiver.sender.getParameters().encodings.length === encodings.length
}

/** Nobody has said yet that a part of it is not watched. */
async function sendAll({ transceiver: { sender }, encodings }: Section): Promise<void> {
  const parameters = sender.getParameters()
  if (encodings.length === 0 || parameters.encodings.length === 0) return
  parameters.encodings.forEach((encoding, index) => {
    Object.assign(encoding, { active: true, scaleResolutionDownBy: 1 }, encodings[index])
  })
  await sender.setParameters(parameters)
}

function preferRedundantAudio(transceiver: RTCRtpTransceiver): void {
  if (typeof transceiver.setCodecPreferences !== 'function') return
  try {
    const codecs = RTCRtpSender.getCapabilities('audio')?.codecs ?? []
    transceiver.setCodecPreferences(redundantAudioFirst(codecs))
  } catch {
    // Browsers that list codecs they refuse as a preference keep their own order.
  }
}

/** Everything goes over one transport, as the server has one port. */
export function newPeerConnection(
  iceServers: readonly IceServer[],
  sealing?: MediaTransforms,
): RTCPeerConnection {
  if (typeof RTCPeerConnection === 'undefined') {
    throw new ParleyError('media-unsupported', 'There is no WebRTC here')
  }
  return new RTCPeerConnection({
    ...sealing?.configuration,
    iceServers: iceServers.map(({ urls, username, credential }) => ({
      urls,
      ...(username !== undefined && { username }),
      ...(credential !== undefined && { credential }),
    })),
    bundlePolicy: 'max-bundle',
    rtcpMuxPolicy: 'require',
  })
}
