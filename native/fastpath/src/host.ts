import { randomFillSync } from 'node:crypto'
import { EventEmitter } from 'node:events'
import type { EgressStream } from './egress-stream.ts'
import type { WorkerEvents } from './events.ts'
import { newIceCredentials } from './ice-credentials.ts'
import type { IngressTrack } from './ingress-track.ts'
import type { NativeCommands, NativeEvent } from './native.ts'
import type { TransportOptions } from './options.ts'
import { PathReports } from './path-reports.ts'
import { Transport } from './transport.ts'

/** What the worker and the virtual-clock core have in common: ids, the objects behind them, event routing. */
export abstract class Host extends EventEmitter<WorkerEvents> {
  /** @internal */
  readonly transports = new Map<number, Transport>()
  /** @internal */
  readonly tracks = new Map<number, IngressTrack>()
  /** @internal */
  readonly streams = new Map<number, EgressStream>()
  /** @internal */
  abstract readonly native: NativeCommands
  #lastId = 0
  #ssrcs = new Set<number>()
  /** Drawn ahead: one call for many. */
  readonly #random = new Uint32Array(256)
  #randomUsed = this.#random.length

  /** sha-256 fingerprint of our certificate as in SDP: upper case, colons. */
  get fingerprint(): string {
    return this.native.fingerprint
  }

  createTransport(options: TransportOptions = {}): Transport {
    const fresh = newIceCredentials()
    const credentials = {
      iceUfrag: options.iceUfrag ?? fresh.iceUfrag,
      icePwd: options.icePwd ?? fresh.icePwd,
    }
    const transport = new Transport(this, this.nextId(), credentials)
    this.transports.set(transport.id, transport)
    this.native.createTransport(transport.id, { ...options, ...credentials })
    return transport
  }

  /** Pauses or resumes many streams in one command. */
  setPaused(streams: Iterable<EgressStream>, paused: boolean): void {
    this.native.setPaused(
      Uint32Array.from(streams, (stream) => stream.id),
      paused,
    )
  }

  /** @internal */
  nextId(): number {
    this.#lastId += 1
    return this.#lastId
  }

  /** @internal Never 0, unique in this worker among recent ones. */
  newSsrc(): number {
    if (this.#ssrcs.size > 65_536) this.#ssrcs.clear()
    for (;;) {
      if (this.#randomUsed === this.#random.length) {
        randomFillSync(this.#random)
        this.#randomUsed = 0
      }
      const ssrc = this.#random[this.#randomUsed++] ?? 0
      if (ssrc === 0 || this.#ssrcs.has(ssrc)) continue
      this.#ssrcs.add(ssrc)
      return ssrc
    }
  }

  protected dispatch(events: readonly NativeEvent[]): void {
    for (const event of events) {
      if (event.stream !== undefined) this.streams.get(event.stream)?.handle(event)
      else if (event.track !== undefined) this.tracks.get(event.track)?.handle(event)
      else if (event.transport !== undefined) this.transports.get(event.transport)?.handle(event)
      else this.handleOwn(event)
    }
  }

  protected handleOwn(event: NativeEvent): void {
    if (event.type === 'paths.reported') this.#handleReports(new PathReports(event.bytes as Uint8Array))
    else if (event.type === 'levels.measured') {
      this.emit('levels.measured', event.levels as WorkerEvents['levels.measured'][0])
    } else if (event.type === 'command.failed') {
      this.emit('command.failed', event as unknown as WorkerEvents['command.failed'][0])
    }
  }

  /** What left and what was heard of it, to the transports it belongs to. */
  #handleReports(reports: PathReports): void {
    while (reports.next()) {
      const { transport, rtcp, body, atUs } = reports
      const event: NativeEvent = rtcp
        ? { type: 'rtcp.received', transport, bytes: body, receivedAt: atUs }
        : { type: 'packets.sent', transport, bytes: body }
      this.transports.get(transport)?.handle(event)
    }
  }

  protected finishAll(): void {
    for (const transport of [...this.transports.values()]) transport.finish('worker-closed')
  }
}
