import type { SrtpProfile } from './events.ts'
import type {
  CoreOptions,
  EgressStreamOptions,
  IngressTrackOptions,
  RemoteParameters,
  RepairOptions,
  TransportOptions,
  WorkerOptions,
} from './options.ts'
import type { WorkerStats } from './stats.ts'

/** What the addon reports: a type, the ids it concerns, and the event's own fields. */
export type NativeEvent = {
  type: string
  transport?: number
  track?: number
  stream?: number
  [field: string]: unknown
}

/** Commands both the worker and the virtual-clock core take. They never block; mistakes come back as events. */
export interface NativeCommands {
  readonly fingerprint: string
  createTransport(id: number, options: TransportOptions & { iceUfrag: string; icePwd: string }): void
  setRemote(id: number, remote: RemoteParameters): void
  restartIce(id: number, iceUfrag: string, icePwd: string): void
  setPacing(id: number, bitrate: number): void
  sendData(id: number, bytes: Uint8Array): void
  allowData(id: number, perSecond: number): void
  sendRemb(id: number, bitrate: number): void
  sendProbe(id: number, bytes: number, bitrate: number): void
  closeTransport(id: number): void
  createTrack(id: number, transport: number, options: IngressTrackOptions): void
  setTrackGate(id: number, open: boolean): void
  requestKeyFrame(id: number, layer: number): void
  closeTrack(id: number): void
  createStream(
    id: number,
    transport: number,
    track: number,
    options: EgressStreamOptions & { ssrc: number; rtxSsrc: number },
  ): void
  selectLayer(id: number, layer: number, temporalLayer: number, spatialLayer: number): void
  setSource(id: number, track: number, layer: number): void
  setPaused(ids: Uint32Array, paused: boolean): void
  setPlayoutDelay(id: number, minMs: number, maxMs: number): void
  setRepair(id: number, options: RepairOptions): void
  setRepairBudget(transport: number, bitrate: number): void
  closeStream(id: number): void
}

export interface NativeWorker extends NativeCommands {
  readonly port: number
  requestStats(request: number): void
  close(): void
}

export type CorePacket = {
  /** Index of the local socket. */
  local: number
  address: string
  port: number
  /** Non-zero for a TCP connection; UDP otherwise. */
  connection?: number
  /** When the network handed it over, in microseconds; a little before it is handled. Default: now. */
  receivedAt?: number
  data: Uint8Array
}

export interface NativeCore extends NativeCommands {
  step(nowUs: number, packets: readonly CorePacket[]): { packets: CorePacket[]; events: NativeEvent[] }
  stats(): WorkerStats
  /** Exported SRTP keys of a connected transport, for test peers only. */
  srtpKeys(transport: number): { profile: SrtpProfile; local: Uint8Array; remote: Uint8Array } | undefined
  close(): void
}

/** A packet-by-packet SRTP context. Keys are master key then salt (16 + 12 or 16 + 14 bytes). */
export interface NativeSrtp {
  /** @returns the protected packet, or undefined when this index was used already. */
  protectRtp(packet: Uint8Array, rolloverCounter?: number): Uint8Array | undefined
  /** @returns the plain packet, or undefined when forged, replayed or malformed. */
  unprotectRtp(packet: Uint8Array): Uint8Array | undefined
  /** @param previousIndex continue after this SRTCP index. */
  protectRtcp(packet: Uint8Array, previousIndex?: number): Uint8Array | undefined
  unprotectRtcp(packet: Uint8Array): Uint8Array | undefined
}

export type StunCheck = {
  type: number
  transactionId: Uint8Array
  username?: string
  integrity: boolean
  fingerprint: boolean
  useCandidate: boolean
}

export interface NativeAddon {
  createWorker(options: WorkerOptions, onEvents: (events: NativeEvent[]) => void): NativeWorker
  createCore(options: CoreOptions): NativeCore
  createSrtp(profile: SrtpProfile, localKey: Uint8Array, remoteKey: Uint8Array): NativeSrtp
  checkStun(bytes: Uint8Array, password: string): StunCheck | undefined
  /** Nanoseconds of thread CPU a packet, sealing (and with `send`, sending to a loopback sink) `count` packets. */
  measureSeal(
    profile: SrtpProfile,
    payloadBytes: number,
    count: number,
    send: 'none' | 'sendto' | 'sendmmsg' | 'connected',
  ): number
}
