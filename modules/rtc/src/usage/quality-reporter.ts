import type { Telemetry, TelemetryPoint } from '@parley/core/telemetry'
import type { EgressStream, EgressStreamStats, LayerStats, WorkerStats } from '@parley/fastpath'
import { lossBehindCopies } from '../room/repair.ts'
import type { Rooms } from '../room/rooms.ts'
import type { SfuPool } from '../sfu/sfu-pool.ts'

export interface QualityReporterOptions {
  rooms: Rooms
  pool: SfuPool
  telemetry: Telemetry
}

/** What one packet path holds. */
export interface HeldByWorker {
  transports: number
  tracks: number
  streams: number
  buffers: number
}

/**
 * Reads the counters of the workers, records how each publication arrives and how each subscription leaves, and lets
 * the downlinks judge by it.
 */
export class QualityReporter {
  readonly totals = { packetsReceived: 0, packetsSent: 0, cpuMicroseconds: 0, eventsDropped: 0 }
  readonly #options: QualityReporterOptions
  readonly #counted = new WeakMap<EgressStream, { packets: number; missed: number }>()
  /** What the packet paths hold now, as they say themselves, by worker. */
  readonly held = new Map<number, HeldByWorker>()
  readonly #last = new Map<number, { pid: number | undefined } & typeof this.totals>()

  constructor(options: QualityReporterOptions) {
    this.#options = options
  }

  /** Of the worker at one place of the pool, if it runs. */
  async report(index: number): Promise<void> {
    const worker = this.#options.pool.workers.find((one) => one.index === index)
    const stats = await worker?.stats().catch(() => undefined)
    if (worker === undefined || stats === undefined) return
    this.#count(index, worker.pid, stats)
    this.#record(worker, stats)
  }

  /** Counters of a process begin at zero when it is started again; the totals go on. */
  #count(index: number, pid: number | undefined, stats: WorkerStats): void {
    const before = this.#last.get(index)
    const same = before?.pid === pid ? before : undefined
    const { packetsReceived, packetsSent, cpuMicroseconds, eventsDropped } = stats
    this.totals.packetsReceived += packetsReceived - (same?.packetsReceived ?? 0)
    this.totals.packetsSent += packetsSent - (same?.packetsSent ?? 0)
    this.totals.cpuMicroseconds += cpuMicroseconds - (same?.cpuMicroseconds ?? 0)
    this.totals.eventsDropped += eventsDropped - (same?.eventsDropped ?? 0)
    this.held.set(index, {
      transports: stats.transports.length,
      tracks: stats.tracks.length,
      streams: stats.streams.length,
      buffers: stats.buffersInUse,
    })
    this.#last.set(index, { pid, packetsReceived, packetsSent, cpuMicroseconds, eventsDropped })
  }

  /** What was lost on the way since the last look: receivers that repair report little and ask for much again. */
  #lossOf(
    stream: EgressStream,
    { packets, missed, retransmissions, fractionLost }: EgressStreamStats,
    copies: number,
  ): number {
    const before = this.#counted.get(stream) ?? { packets: 0, missed: 0 }
    const first = packets - retransmissions
    this.#counted.set(stream, { packets: first, missed })
    const asked = (missed - before.missed) / Math.max(1, first - before.packets)
    return lossBehindCopies({ asked: Math.min(1, asked), reported: fractionLost }, copies)
  }

  #record(worker: object, stats: WorkerStats): void {
    const streams = new Map(stats.streams.map((stream) => [stream.id, stream]))
    const tracks = new Map(stats.tracks.map((track) => [track.id, track]))
    const at = new Date()
    const points: TelemetryPoint[] = []
    for (const room of this.#options.rooms.alive) {
      const { projectId, id: roomId } = room
      for (const participant of room.participants.values()) {
        if (participant.worker !== worker) continue
        const subject = `participant/${participant.id}`
        const losses: number[] = []
        const heard: { loss: number; jitterMs: number }[] = []
        for (const { id: publicationId, section } of participant.publications.values()) {
          const track = tracks.get(section.track.id)
          for (const layer of track?.layers ?? []) {
            const data = { roomId, publicationId, ...received(layer) }
            points.push({ projectId, subject, name: 'rtc.received', at, data })
          }
          participant.publications.get(publicationId)?.measure(track?.layers ?? [])
        }
        const { facts, bitrates } = participant.allocation
        if (facts !== undefined) {
          const { transport: _, ...path } = facts
          points.push({ projectId, subject, name: 'rtc.path', at, data: { roomId, ...path, ...bitrates } })
          participant.send({ type: 'rtc.path-measured', roomId, ...path, ...bitrates })
        }
        for (const subscription of participant.subscriptions.values()) {
          const { publication, stream, reason, wantedLayer = -1 } = subscription
          const counters = stream && streams.get(stream.id)
          if (stream === undefined || counters === undefined) continue
          const data = { roomId, publicationId: publication.id, reason, wantedLayer, ...sent(counters) }
          points.push({ projectId, subject, name: 'rtc.sent', at, data })
          const loss = this.#lossOf(stream, counters, subscription.copies)
          subscription.countRepairs(counters)
          if (counters.packets === 0) continue
          if (publication.kind === 'video') losses.push(loss)
          else heard.push({ loss, jitterMs: counters.jitterMs })
        }
        const [worst] = heard.sort((one, other) => other.loss - one.loss)
        if (worst !== undefined) participant.handleReportedLoss(worst)
        if (losses.length > 0 && facts === undefined) {
          const mean = losses.reduce((sum, loss) => sum + loss, 0) / losses.length
          participant.downlink.look(mean, performance.now())
        }
      }
    }
    this.#options.telemetry.record(points)
  }
}

function received(layer: LayerStats) {
  const {
    layer: index,
    packets,
    bytes,
    lost,
    recovered,
    frames,
    width,
    height,
    jitterMs,
    rttMs,
    bitrate,
  } = layer
  return { layer: index, packets, bytes, lost, recovered, frames, width, height, jitterMs, rttMs, bitrate }
}

function sent(stream: EgressStreamStats) {
  const { layer, packets, bytes, frames, retransmissions, nacks, plis } = stream
  const { repairBytes, redundantBytes, lateRepairs, refusedRepairs } = stream
  const { fecPackets, fecBytes, leftToFec, fecFailures } = stream
  const { fractionLost, packetsLost, jitterMs, rttMs } = stream
  return {
    layer,
    packets,
    bytes,
    frames,
    retransmissions,
    ...{ repairBytes, redundantBytes, lateRepairs, refusedRepairs },
    ...{ fecPackets, fecBytes, leftToFec, fecFailures },
    nacks,
    plis,
    fractionLost,
    packetsLost,
    jitterMs,
    rttMs,
  }
}
