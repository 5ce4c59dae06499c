import type { IceServer, RtcServerEvents } from '@parley/contracts'
import { ParleyError } from '../parley-error.ts'
import { type ConnectPatience, ConnectWatch } from './connect-watch.ts'
import { withAudioRequests } from './opus-parameters.ts'
import { PathWatch } from './path-watch.ts'
import { newPeerConnection } from './publish-connection.ts'
import { SerialRun } from './serial-run.ts'
import type { MediaTransforms } from './transform/media-transforms.ts'

export type SubscribeOffer = RtcServerEvents['rtc.subscribe-offer']

/** Which receiver carries which publication. */
export interface Assignment {
  publicationId: string
  participantId: string
  receiver: RTCRtpReceiver
  mid: string
}

export interface SubscribeConnectionOptions {
  iceServers: readonly IceServer[]
  /** Of an end-to-end encrypted room: opens what comes. */
  sealing?: MediaTransforms | undefined
  /** Carries an answer to the server; settles when the server has taken it. */
  answer: (sdp: string, version: number) => Promise<unknown>
  requestRestart: () => Promise<unknown>
  /** Everything that is received now. */
  onAssigned: (assignments: readonly Assignment[]) => void
  onDataChannel: (channel: RTCDataChannel) => void
  /** An offer could not be applied: the connection is of no more use. */
  onBroken: (error: unknown) => void
  /** Of one connection to the next; undefined: it may take as long as it likes. */
  patience?: ConnectPatience
  /** It does not come up in time: a new one in its place may. */
  onSlow?: () => void
  onLost: () => void
  onBack: () => void
  onGivenUp: () => void
}

/**
 * The peer connection on which this client receives; only the server offers on it. Offers are taken one after
 * the other; of those that wait only the newest is answered, as each describes everything.
 */
export class SubscribeConnection {
  readonly #pc: RTCPeerConnection
  readonly #options: SubscribeConnectionOptions
  readonly #path: PathWatch
  readonly #connecting: ConnectWatch | undefined
  readonly #run = new SerialRun(() => this.#take())
  #newest: SubscribeOffer | undefined
  #takenVersion = 0
  #unacknowledged: { sdp: string; version: number } | undefined
  #closed = false

  constructor(
    options: SubscribeConnectionOptions,
    pc = newPeerConnection(options.iceServers, options.sealing),
  ) {
    this.#options = options
    this.#pc = pc
    pc.addEventListener('datachannel', ({ channel }) => options.onDataChannel(channel))
    this.#path = new PathWatch(pc, {
      restart: options.requestRestart,
      onLost: options.onLost,
      onBack: options.onBack,
      onGivenUp: options.onGivenUp,
    })
    const { patience, onSlow = () => undefined } = options
    this.#connecting = patience && new ConnectWatch(pc, { patience, onSlow })
    const { sealing } = options
    // Later than this, the first frames would go to the decoder as they came.
    if (sealing) pc.addEventListener('track', ({ receiver }) => sealing.attachOpen(receiver))
  }

  handleOffer(offer: SubscribeOffer): void {
    if (this.#closed || offer.version <= this.#takenVersion) return
    if (this.#newest && this.#newest.version > offer.version) return
    this.#newest = offer
    this.#run.run().catch((error: unknown) => {
      if (!this.#closed) this.#options.onBroken(error)
    })
  }

  /** The signalling is there again. */
  handleResumed(): void {
    if (this.#unacknowledged) void this.#send(this.#unacknowledged)
    this.#path.hurry()
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

  async #take(): Promise<void> {
    const offer = this.#newest
    if (!offer || this.#closed) return
    this.#newest = undefined
    this.#takenVersion = offer.version
    const pc = this.#pc
    await pc.setRemoteDescription({ type: 'offer', sdp: offer.sdp })
    this.#options.onAssigned(this.#assignments(offer))
    const { type, sdp } = await pc.createAnswer()
    await pc.setLocalDescription({ type, sdp: withAudioRequests(sdp ?? '') })
    this.#unacknowledged = { sdp: pc.localDescription?.sdp ?? '', version: offer.version }
    await this.#send(this.#unacknowledged)
  }

  /** A lost answer is sent again once the signalling is back; one the server refuses has been overtaken. */
  async #send(answer: { sdp: string; version: number }): Promise<void> {
    try {
      await this.#options.answer(answer.sdp, answer.version)
    } catch (error) {
      if (!(error instanceof ParleyError)) throw error
      if (error.code === 'connection-lost' || error.code === 'timeout') return
    }
    if (this.#unacknowledged === answer) this.#unacknowledged = undefined
  }

  #assignments(offer: SubscribeOffer): Assignment[] {
    const receivers = new Map(
      this.#pc.getTransceivers().map((transceiver) => [transceiver.mid, transceiver.receiver]),
    )
    return offer.tracks.flatMap(({ mid, publicationId, participantId }) => {
      const receiver = receivers.get(mid)
      return receiver ? [{ mid, publicationId, participantId, receiver }] : []
    })
  }
}
