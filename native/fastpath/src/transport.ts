import { EventEmitter } from 'node:events'
import { EgressStream } from './egress-stream.ts'
import type { SrtpProfile, TransportCloseReason, TransportEvents, TransportPath } from './events.ts'
import type { Host } from './host.ts'
import { newIceCredentials } from './ice-credentials.ts'
import { IngressTrack } from './ingress-track.ts'
import type { NativeEvent } from './native.ts'
import type { EgressStreamOptions, IngressTrackOptions, RemoteParameters } from './options.ts'

/**
 * One peer: ICE, DTLS, SRTP. Owns its tracks and streams and closes them.
 * It ends by `close()` or by itself (`closed` with the reason); either way exactly one `closed` follows.
 */
export class Transport extends EventEmitter<TransportEvents> {
  readonly id: number
  #iceUfrag: string
  #icePwd: string
  readonly #host: Host
  readonly #tracks = new Set<IngressTrack>()
  readonly #streams = new Set<EgressStream>()
  #closed = false
  #srtpProfile: SrtpProfile | undefined
  #path: TransportPath | undefined

  constructor(host: Host, id: number, credentials: { iceUfrag: string; icePwd: string }) {
    super()
    this.#host = host
    this.id = id
    this.#iceUfrag = credentials.iceUfrag
    this.#icePwd = credentials.icePwd
  }

  /** Our ICE credentials, for SDP. */
  get iceUfrag(): string {
    return this.#iceUfrag
  }

  get icePwd(): string {
    return this.#icePwd
  }

  get closed(): boolean {
    return this.#closed
  }

  get connected(): boolean {
    return this.#srtpProfile !== undefined && !this.#closed
  }

  /** Agreed by DTLS; undefined before `connected`. */
  get srtpProfile(): SrtpProfile | undefined {
    return this.#srtpProfile
  }

  /** Where media goes now; undefined before the first authenticated binding request. */
  get path(): TransportPath | undefined {
    return this.#path
  }

  get tracks(): ReadonlySet<IngressTrack> {
    return this.#tracks
  }

  get streams(): ReadonlySet<EgressStream> {
    return this.#streams
  }

  /** Hands over what the peer's SDP says. May come after the peer's first packets. Call it again after an ICE restart. */
  setRemote(remote: RemoteParameters): void {
    if (!this.#closed) this.#host.native.setRemote(this.id, remote)
  }

  /** New credentials for an ICE restart; media keeps its path meanwhile. Follow with `setRemote`. */
  restartIce(): { iceUfrag: string; icePwd: string } {
    const fresh = newIceCredentials()
    this.#iceUfrag = fresh.iceUfrag
    this.#icePwd = fresh.icePwd
    if (!this.#closed) this.#host.native.restartIce(this.id, fresh.iceUfrag, fresh.icePwd)
    return fresh
  }

  /** What this peer publishes: one media section, all its encodings. */
  createTrack(options: IngressTrackOptions): IngressTrack {
    this.#assertOpen()
    const track = new IngressTrack(this.#host, this, this.#host.nextId(), options.kind)
    this.#host.native.createTrack(track.id, this.id, options)
    this.#tracks.add(track)
    this.#host.tracks.set(track.id, track)
    track.once('closed', () => this.#tracks.delete(track))
    return track
  }

  /** What this peer is sent: one SSRC, fed by one layer of one track at a time. `source` may come later. */
  createStream(source: IngressTrack | undefined, options: EgressStreamOptions): EgressStream {
    this.#assertOpen()
    const withRtx = options.payloads.some((payload) => payload.rtxPayloadType !== undefined)
    const ssrc = options.ssrc ?? this.#host.newSsrc()
    const rtxSsrc = options.rtxSsrc ?? (withRtx ? this.#host.newSsrc() : 0)
    const stream = new EgressStream(this.#host, this, this.#host.nextId(), {
      kind: options.kind,
      ssrc,
      rtxSsrc,
    })
    this.#host.native.createStream(stream.id, this.id, source?.id ?? 0, { ...options, ssrc, rtxSsrc })
    this.#streams.add(stream)
    this.#host.streams.set(stream.id, stream)
    stream.once('closed', () => this.#streams.delete(stream))
    return stream
  }

  /** Bits a second at which video leaves; 0 sends at once. */
  setPacingBitrate(bitrate: number): void {
    if (!this.#closed) this.#host.native.setPacing(this.id, bitrate)
  }

  /** Bits a second that all that is sent again or unasked may take; 0 lifts the limit. */
  setRepairBudget(bitrate: number): void {
    if (!this.#closed) this.#host.native.setRepairBudget(this.id, bitrate)
  }

  /** Application datagrams a second that are told as `data.received`, a quarter of them at once; others are dropped. Default 0. */
  allowData(perSecond: number): void {
    if (!this.#closed) this.#host.native.allowData(this.id, perSecond)
  }

  /** Sends one DTLS application datagram of at most 1,100 bytes; dropped before `connected`. The bytes are copied. */
  sendData(bytes: Uint8Array): void {
    if (!this.#closed) this.#host.native.sendData(this.id, bytes)
  }

  /** Caps the publisher by REMB, repeated each second until 0 lifts it. */
  setPublishBitrateCap(bitrate: number): void {
    if (!this.#closed) this.#host.native.sendRemb(this.id, bitrate)
  }

  /** Sends about `bytes` of padding at `bitrate` on the first stream with RTX, to probe the path. */
  sendProbe(bytes: number, bitrate: number): void {
    if (!this.#closed) this.#host.native.sendProbe(this.id, bytes, bitrate)
  }

  close(): void {
    if (this.#closed) return
    this.#host.native.closeTransport(this.id)
    this.finish('closed')
  }

  /** @internal */
  handle(event: NativeEvent): void {
    switch (event.type) {
      case 'transport.connected':
        this.#srtpProfile = event.srtpProfile as SrtpProfile
        this.emit('connected', { srtpProfile: this.#srtpProfile })
        return
      case 'transport.closed':
        this.finish(event.reason as TransportCloseReason)
        return
      case 'path.selected': {
        const { protocol, address, port, local } = event as unknown as TransportPath
        this.#path = { protocol, address, port, local }
        this.emit('path.selected', this.#path)
        return
      }
      case 'data.received':
      case 'rtcp.received':
      case 'packets.sent':
      case 'bye.received':
        this.emit(event.type, event as never)
        return
    }
  }

  /** @internal */
  finish(reason: TransportCloseReason): void {
    if (this.#closed) return
    this.#closed = true
    for (const track of [...this.#tracks]) track.finish()
    for (const stream of [...this.#streams]) stream.finish()
    this.#host.transports.delete(this.id)
    this.emit('closed', { reason })
    this.removeAllListeners()
  }

  #assertOpen(): void {
    if (this.#closed) throw new Error(`transport ${this.id} is closed`)
  }
}
