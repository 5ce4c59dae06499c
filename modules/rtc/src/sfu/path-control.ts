import type { NativeCommands, NativeEvent } from '@parley/fastpath'
import { parseRtcp, type RtcpPacket } from '@parley/protocols/rtcp'
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

/** What is told to the packet path. */
export type PathCommands = Pick<NativeCommands, 'setPacing' | 'sendProbe'>

interface Path {
  controller: CongestionController
  /** Until feedback comes nothing is known, and nothing is told. */
  heard: boolean
  /** What a receiver allows that tells nothing else. */
  receiverLimit: number | undefined
  pacing: number
  /** What left before feedback came first; who never sends any costs no more than this. */
  unheard: Uint8Array[]
  /** Targets of the last ticks, the newest last. */
  readonly targets: number[]
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
      controller: new CongestionController(),
      heard: false,
      receiverLimit: undefined,
      pacing: 0,
      unheard: [],
      targets: [],
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
    if (type !== 'packets.sent' && type !== 'rtcp.received') return false
    const path = this.#paths.get(transport)
    if (path === undefined) return false
    const bytes = event.bytes as Uint8Array
    if (type === 'packets.sent') {
      if (path.heard) takeSent(path, bytes)
      else path.unheard = [...path.unheard, bytes].slice(-mostUnheard)
    }
    if (type === 'rtcp.received') takeRtcp(path, bytes, Number(event.receivedAt))
    return true
  }

  /** To be called each 50 ms. `nowUs` is the clock of the events. */
  tick(nowUs: number): void {
    const nowMs = nowUs / usPerMs
    const news: PathFacts[] = []
    for (const [transport, path] of this.#paths) {
      if (!path.heard && path.receiverLimit === undefined) continue
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
function lasting({ controller, targets }: Path): number {
  const { target, lossKind } = controller.facts
  targets.push(target)
  if (targets.length > dipTicks) targets.shift()
  return lossKind === 'random' ? Math.max(...targets) : target
}

/** Records of 16 bytes, little endian: u32 sequence, u32 size, f64 microseconds. */
function takeSent({ controller }: Path, bytes: Uint8Array): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  for (let at = 0; at + 16 <= bytes.byteLength; at += 16) {
    controller.handleSent({
      sequence: view.getUint32(at, true),
      sizeBytes: view.getUint32(at + 4, true),
      sentAtUs: view.getFloat64(at + 8, true),
    })
  }
}

function takeRtcp(path: Path, bytes: Uint8Array, atUs: number): void {
  for (const packet of readable(bytes)) {
    if (packet.type === 'transport-feedback') {
      if (path.heard && atUs - (path.controller.unansweredSinceUs ?? atUs) > outageUs) {
        // What was lost while nobody answered says nothing about what the path carries now.
        const initial = Math.max(leastAfterOutage, path.controller.target)
        path.controller = new CongestionController({ initial })
      }
      for (const records of path.unheard.splice(0)) takeSent(path, records)
      path.heard = true
      path.controller.handleFeedback(packet, atUs)
    } else if (packet.type === 'receiver-estimate') {
      path.receiverLimit = packet.bitrate
      path.controller.setReceiverLimit(packet.bitrate)
    }
  }
}

/** What a peer garbled says nothing; the packet path counts it. */
function readable(bytes: Uint8Array): RtcpPacket[] {
  try {
    return parseRtcp(bytes)
  } catch (error) {
    if (error instanceof ProtocolViolation) return []
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
