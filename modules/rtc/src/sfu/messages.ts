import type { DtlsRole, NativeEvent, WorkerOptions } from '@parley/fastpath'
import type { SctpCloseReason } from '@parley/protocols/sctp'
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

/** Of the data channels of one connection. */
export interface DataOptions {
  /** Ours. */
  readonly dtlsRole: DtlsRole
  /** The peer's SCTP port. */
  readonly port: number
  readonly maxMessageBytes: number
  /** What the peer may send. */
  readonly messagesPerSecond: number
  readonly bytesPerSecond: number
  /** Reliable messages that may wait for the peer. */
  readonly queueBytes: number
}

/** What happens on the data channels of one connection. */
export type DataNews =
  | { readonly transport: number; readonly type: 'open' }
  | {
      readonly transport: number
      readonly type: 'message'
      readonly reliable: boolean
      readonly frame: Uint8Array
    }
  | { readonly transport: number; readonly type: 'closed'; readonly reason: SctpCloseReason }

export type Command = [name: string, ...values: unknown[]]

/** What a media worker process tells the server. */
export type FromWorker =
  | { type: 'started'; port: number; fingerprint: string }
  | { type: 'failed'; reason: string }
  | { type: 'events'; events: NativeEvent[] }
  | { type: 'paths'; facts: PathFacts[] }
  | { type: 'pong' }
  | { type: 'data'; news: DataNews[] }
