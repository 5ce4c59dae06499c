import type { CloseReason, ErrorCode } from '@parley/contracts'
import { callSeconds, type Metrics } from '@parley/core/metrics'

/** What is to be read when the page is scraped. */
export interface GatewayGauges {
  connections(): number
  sessions(): number
  bufferedBytes(): number
  writePauseSeconds(): number
}

/** What the gateway counts. */
export class GatewayMetrics {
  readonly #sentFrames
  readonly #sentBytes
  readonly #received
  readonly #refused
  readonly #ended
  readonly #handling
  readonly #deliveries

  constructor(metrics: Metrics, gauges: GatewayGauges) {
    metrics.gauge({
      name: 'gateway_connections',
      help: 'WebSocket connections',
      read: () => gauges.connections(),
    })
    metrics.gauge({
      name: 'gateway_sessions',
      help: 'Authenticated connections',
      read: () => gauges.sessions(),
    })
    metrics.gauge({
      name: 'gateway_buffered_bytes',
      help: 'Bytes that wait for connections to read them',
      read: () => gauges.bufferedBytes(),
    })
    metrics.gauge({
      name: 'gateway_write_pause_seconds',
      help: 'Time that events are collected before they are written; grows with load',
      read: () => gauges.writePauseSeconds(),
    })
    this.#sentFrames = metrics.counter({
      name: 'gateway_sent_frames_total',
      help: 'Answers and events written',
    })
    this.#sentBytes = metrics.counter({ name: 'gateway_sent_bytes_total', help: 'Bytes written' })
    this.#received = metrics.counter({
      name: 'gateway_received_frames_total',
      help: 'Frames that handlers got',
      labels: ['type'],
    })
    this.#refused = metrics.counter({
      name: 'gateway_error_answers_total',
      help: 'Frames that were answered with an error',
      labels: ['code'],
    })
    this.#ended = metrics.counter({
      name: 'gateway_ended_connections_total',
      help: 'Connections that ended, by reason; `left` and `dead` are the client’s',
      labels: ['reason'],
    })
    this.#handling = metrics.histogram({
      name: 'gateway_handling_seconds',
      help: 'Time from a frame to its answer',
      labels: ['type'],
      buckets: callSeconds,
    })
    this.#deliveries = metrics.counter({
      name: 'gateway_deliveries_total',
      help: 'Events handed to sessions by fan-out',
    })
  }

  wrote(frames: number, bytes: number): void {
    this.#sentFrames.inc(frames)
    this.#sentBytes.inc(bytes)
  }

  /** `type` is one of the contract's, never what a client made up. */
  received(type: string): void {
    this.#received.inc({ type })
  }

  handled(type: string, ms: number): void {
    this.#handling.observe({ type }, ms / 1_000)
  }

  refused(code: ErrorCode): void {
    this.#refused.inc({ code })
  }

  delivered(sessions: number): void {
    this.#deliveries.inc(sessions)
  }

  ended(reason: CloseReason | 'left' | 'dead'): void {
    this.#ended.inc({ reason })
  }
}
