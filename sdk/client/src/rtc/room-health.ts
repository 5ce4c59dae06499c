import type { RtcServerEvents } from '@parley/contracts'
import { CpuAdaptation, receiveSteps } from './cpu-adaptation.ts'
import type { LocalMedia } from './local-media.ts'
import type { LocalParticipant, Participant, ParticipantNetwork, RemoteParticipant } from './participant.ts'
import type { RemoteMedia } from './remote-media.ts'
import type { RoomEvents } from './room-events.ts'
import { roomQuality } from './room-quality.ts'
import { asLevels, factsOf, type Quality, type RoomStatistics, withLost, withPath } from './statistics.ts'
import { StatisticsSampler } from './statistics-sampler.ts'

export interface RoomHealthOptions {
  local: LocalParticipant
  localMedia: LocalMedia
  remote: RemoteMedia
  adaptsToCpu: boolean
  /** Which connections have no path now. */
  lost: () => { publish: boolean; subscribe: boolean }
  tell: <Type extends keyof RoomEvents>(type: Type, event: RoomEvents[Type]) => void
  /** After each reading, with what the server is told of it. */
  onMeasured: (facts: Record<string, number>) => void
}

/** How well a room runs here: reads its connections each 2 s, tells of changes and adapts to what it finds. */
export class RoomHealth {
  readonly #options: RoomHealthOptions
  readonly #cpu: CpuAdaptation | undefined
  readonly #sampler: StatisticsSampler
  /** As the server told it since the last statistics. */
  #path: RtcServerEvents['rtc.path-measured'] | undefined

  constructor(options: RoomHealthOptions) {
    this.#options = options
    const { localMedia, remote } = options
    this.#cpu = options.adaptsToCpu ? new CpuAdaptation() : undefined
    this.#sampler = new StatisticsSampler({
      publish: () => localMedia.getStats(),
      subscribe: () => remote.getStats(),
      publicationOfMid: (connection, mid) =>
        connection === 'publish' ? localMedia.publicationOfMid(mid) : remote.publicationOfMid(mid),
      onStatistics: (statistics) => this.#take(statistics),
    })
  }

  start(): void {
    this.#sampler.start()
  }

  close(): void {
    this.#sampler.close()
  }

  handlePath(path: RtcServerEvents['rtc.path-measured']): void {
    this.#path = path
  }

  handleNetworkLevels({ levels }: RtcServerEvents['rtc.network-levels']): void {
    for (const { participantId, uplink, downlink } of levels) {
      const participant = this.#options.remote.participants.get(participantId)
      if (participant) this.#setNetwork(participant, asLevels(uplink, downlink))
    }
  }

  #take(measured: RoomStatistics): void {
    const { local, localMedia, remote } = this.#options
    const lost = this.#options.lost()
    const statistics = withLost(withPath(measured, this.#path), lost)
    this.#path = undefined
    remote.setPlayout(statistics.received, statistics.downlink)
    localMedia.handleStatistics(statistics)
    const qualities = roomQuality(statistics, {
      participants: remote.participants.values(),
      hasLostPublish: lost.publish,
      hasLostSubscribe: lost.subscribe,
    })
    this.#setQuality(local, qualities.own)
    for (const [participant, quality] of qualities.others) this.#setQuality(participant, quality)
    this.#setNetwork(local, { uplink: statistics.uplinkLevel, downlink: statistics.downlinkLevel })
    this.#adaptToCpu(statistics)
    this.#options.tell('statistics', statistics)
    this.#options.onMeasured(factsOf(statistics, qualities.own))
  }

  #adaptToCpu(statistics: RoomStatistics): void {
    const { localMedia, remote, tell } = this.#options
    const isHidden = globalThis.document?.visibilityState === 'hidden'
    for (const change of this.#cpu?.update(statistics, isHidden) ?? []) {
      // A sender that was released meanwhile takes no parameters.
      if (change.direction === 'sent') localMedia.setCpuStep(change.step).catch(() => undefined)
      else remote.setScale(receiveSteps[change.step] ?? 1)
      tell('video-adapted', change)
    }
  }

  #setNetwork(participant: LocalParticipant | RemoteParticipant, network: ParticipantNetwork): void {
    const before = participant.network
    if (before?.uplink === network.uplink && before.downlink === network.downlink) return
    participant.network = network
    this.#options.tell('network', { participant, network })
  }

  #setQuality(participant: { quality: Quality } & Participant, quality: Quality): void {
    if (participant.quality === quality) return
    participant.quality = quality
    this.#options.tell('quality', { participant, quality })
  }
}
