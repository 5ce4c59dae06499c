import { type NativeCommands, type NativeEvent, PathReports } from '@parley/fastpath'
import { parseRtcp, readTransportFeedback } from '@parley/protocols/rtcp'
import { ProtocolViolation } from '@parley/protocols/violation'
import { CongestionController } from '../congestion/index.ts'
import type { PathFacts } from './messages.ts'

/** What may leave within a moment, beside the target: key frames must not wait long. */
const pacingFactor = 2.5
const leastPacing = 600_000
/** A pacing rate that differs by less than this share stays as it is. */
const pacingStep = 0.1
const tellEveryMs = 1_000
/** Sooner than that when the target moved by this share. */
const tellStep = 0.1
const leastTellMs = 150
const usPerMs = 1_000
const mostUnheard = 8
/** A dip of the controller is over within so many ticks. */
const dipTicks = 14
/** Feedback that comes again after so long comes over a path that was cut. */
const outageUs = 2_500_000
const leastAfterOutage = 500_000
/** The RTCP that matters here: transport-wide feedback, and REMB. */
const transportFeedback = { packetType: 205, format: 15 }
const receiverEstimate = { packetType: 206, format: 15 }

/** What is told to the packet path. */
export type PathCommands = Pick<NativeCommands, 'setPacing' | 'sendProbe'>

interface Path {
  readonly transport: number
  controller: CongestionController
  /** Until feedback comes nothing is known, and nothing is told. */
  heard: boolean
  /** What a receiver allows that tells nothing else. */
  receiverLimit: number | undefined
  pacing: number
  /** What left before feedback came first; who never sends any costs no more than this. */
  readonly unheard: Uint8Array[]
  /** Targets of the last ticks, a ring. */
  readonly targets: Float64Array
  ticks: number
  told: PathFacts | undefined
  toldAtMs: number
}

/**
 * Congestion control of all subscriber connections of one media worker, beside its packet thread: what left and what
 * came of it stays in this process, only the outcome is told to the server. One `tick` serves them all.
 */
export class PathControl {
  readonly #commands: PathCommands
  readonly #tell: (facts: PathFacts[]) => void
  readonly #paths = new Map<number, Path>()

  constructor(commands: PathCommands, tell: (facts: PathFacts[]) => void) {
    this.#commands = commands
    this.#tell = tell
  }

  get size(): number {
    return this.#paths.size
  }

  /** Begins with the creation of a transport that reports what it sent. */
  add(transport: number): void {
    this.#paths.set(transport, {
      transport,
      controller: new CongestionController(),
      heard: false,
      receiverLimit: undefined,
      pacing: 0,
      unheard: [],
      targets: new Float64Array(dipTicks),
      ticks: 0,
      told: undefined,
      toldAtMs: Number.NEGATIVE_INFINITY,
    })
  }

  remove(transport: number): void {
    this.#paths.delete(transport)
  }

  /** Bits a second that all that could be sent would take. */
  setWanted(transport: number, bitrate: number): void {
    this.#paths.get(transport)?.controller.setWanted(bitrate)
  }

  /** Answers whether the event was for it alone. */
  handleEvent(event: NativeEvent): boolean {
    const { type, transport = 0 } = event
    if (type === 'transport.closed') this.remove(transport)
    if (type === 'path.selected') {
      // Another way to the same peer: nothing that is known of the old one holds.
      const path = this.#paths.get(transport)
      if (path?.heard) path.controller = new CongestionController()
    }
    if (type !== 'paths.reported') return false
    this.#handleReports(new PathReports(event.bytes as Uint8Array))
    return true
  }

  #handleReports(reports: PathReports): void {
    while (reports.next()) {
      const path = this.#paths.get(reports.transport)
      if (path === undefined) continue
      if (reports.rtcp) takeRtcp(path, reports)
      else if (path.heard) takeSent(path, reports)
      else {
        if (path.unheard.push(reports.frame()) > mostUnheard) path.unheard.shift()
      }
    }
  }

  /** To be called each 50 ms. `nowUs` is the clock of the events. */
  tick(nowUs: number): void {
    const nowMs = nowUs / usPerMs
    const news: PathFacts[] = []
    for (const path of this.#paths.values()) {
      if (!path.heard && path.receiverLimit === undefined) continue
      const { transport } = path
      const probe = path.heard ? path.controller.tick(nowUs) : undefined
      if (probe !== undefined) this.#commands.sendProbe(transport, probe.bytes, probe.bitrate)
      const target = path.heard ? lasting(path) : (path.receiverLimit ?? 0)
      const pacing = Math.max(leastPacing, Math.round(target * pacingFactor))
      if (Math.abs(pacing - path.pacing) > path.pacing * pacingStep) {
        path.pacing = pacing
        this.#commands.setPacing(transport, pacing)
      }
      const sinceMs = nowMs - path.toldAtMs
      const moved = Math.abs(target - (path.told?.target ?? 0)) > (path.told?.target ?? 0) * tellStep
      if (sinceMs < leastTellMs || (sinceMs < tellEveryMs && !moved)) continue
      path.told = {
        ...factsOf(transport, path.controller),
        ...(path.heard ? { target: Math.round(target) } : { target, limit: 'receiver' }),
      }
      path.toldAtMs = nowMs
      news.push(path.told)
    }
    if (news.length > 0) this.#tell(news)
  }
}

/**
 * The target as others hear of it. Where loss is random the controller dips now and then to see whether it follows the
 * rate; pictures that came and went with that would be worse than the loss.
 */
function lasting(path: Path): number {
  const { target, lossKind } = path.controller
  path.targets[path.ticks++ % dipTicks] = target
  return lossKind === 'random' ? path.targets.reduce((most, one) => Math.max(most, one), 0) : target
}

/** The packet that is handed over. */
const sent = { sequence: 0, sizeBytes: 0, sentAtUs: 0.5 }

function takeSent({ controller }: Path, reports: PathReports): void {
  const { sentCount } = reports
  for (let index = 0; index < sentCount; index++) {
    sent.sequence = reports.sequence(index)
    sent.sizeBytes = reports.size(index)
    sent.sentAtUs = reports.sentAtUs(index)
    controller.handleSent(sent)
  }
}

/** The headers of the compound packet were checked by the packet path. */
function takeRtcp(path: Path, { bytes, start, end, atUs }: PathReports): void {
  for (let at = start; at + 4 <= end; ) {
    const first = bytes[at] ?? 0
    const packetType = bytes[at + 1]
    const next = at + 4 + 4 * (((bytes[at + 2] ?? 0) << 8) | (bytes[at + 3] ?? 0))
    if (next > end) return
    const format = first & 0x1f
    if (packetType === transportFeedback.packetType && format === transportFeedback.format) {
      const padding = first & 0x20 ? (bytes[next - 1] ?? 0) : 0
      takeFeedback(path, bytes, at, next - padding, atUs)
    } else if (packetType === receiverEstimate.packetType && format === receiverEstimate.format) {
      takeEstimate(path, bytes.subarray(at, next))
    }
    at = next
  }
}

function takeFeedback(path: Path, bytes: Uint8Array, start: number, end: number, atUs: number): void {
  const feedback = unlessGarbled(() => readTransportFeedback(bytes, start + 12, end))
  if (feedback === undefined) return
  if (path.heard && atUs - (path.controller.unansweredSinceUs ?? atUs) > outageUs) {
    // What was lost while nobody answered says nothing about what the path carries now.
    const initial = Math.max(leastAfterOutage, path.controller.target)
    path.controller = new CongestionController({ initial })
  }
  for (const frame of path.unheard.splice(0)) {
    const reports = new PathReports(frame)
    if (reports.next()) takeSent(path, reports)
  }
  path.heard = true
  path.controller.handleFeedback(feedback, atUs)
}

function takeEstimate(path: Path, bytes: Uint8Array): void {
  for (const packet of unlessGarbled(() => parseRtcp(bytes)) ?? []) {
    if (packet.type !== 'receiver-estimate') continue
    path.receiverLimit = packet.bitrate
    path.controller.setReceiverLimit(packet.bitrate)
  }
}

/** What a peer garbled says nothing; the packet path counts it. */
function unlessGarbled<Read>(read: () => Read): Read | undefined {
  try {
    return read()
  } catch (error) {
    if (error instanceof ProtocolViolation) return undefined
    throw error
  }
}

function factsOf(transport: number, controller: CongestionController): PathFacts {
  const { target, limit, loss, lossKind, roundTripMs, throughput, use } = controller.facts
  return {
    ...{ transport, target: Math.round(target), limit, lossKind, queue: use },
    loss: Math.round(loss * 1_000) / 1_000,
    roundTripMs: Math.round(roundTripMs),
    throughput: Math.round(throughput ?? 0),
  }
}
