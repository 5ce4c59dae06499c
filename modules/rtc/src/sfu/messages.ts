import type { NativeEvent, WorkerOptions } from '@parley/fastpath'
import type { CongestionLimit, LossKind } from '../congestion/index.ts'

/** What the server tells a media worker process. `commands` are calls of the packet path, in order. */
export type ToWorker =
  | { type: 'start'; addonPath: string; options: WorkerOptions }
  | { type: 'commands'; commands: Command[] }
  | { type: 'ping' }

/** How the way to one subscriber is, as its feedback tells. */
export interface PathFacts {
  readonly transport: number
  /** Bits a second that may be sent, all packets and repairs together. */
  readonly target: number
  readonly limit: CongestionLimit
  /** Share of packets lost before repair, 0 to 1. */
  readonly loss: number
  readonly lossKind: LossKind
  readonly roundTripMs: number
  /** Bits a second that arrive; 0 while unknown. */
  readonly throughput: number
  readonly queue: 'normal' | 'overused' | 'underused'
}

export type Command = [name: string, ...values: unknown[]]

/** What a media worker process tells the server. */
export type FromWorker =
  | { type: 'started'; port: number; fingerprint: string }
  | { type: 'failed'; reason: string }
  | { type: 'events'; events: NativeEvent[] }
  | { type: 'paths'; facts: PathFacts[] }
  | { type: 'pong' }
