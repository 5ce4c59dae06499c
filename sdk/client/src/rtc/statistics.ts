import type { RtcServerEvents, TrackKind } from '@parley/contracts'

/** How well media flows. `lost`: no path at all at the moment. */
export type Quality = 'good' | 'fair' | 'poor' | 'lost' | 'unknown'

export interface PublishedLayer {
  publicationId: string | undefined
  kind: TrackKind
  rid: string | undefined
  kbps: number
  /** What the congestion control grants this layer. */
  targetKbps: number | undefined
  width: number | undefined
  height: number | undefined
  framesPerSecond: number | undefined
  /** As the receiver reports it, from 0 to 1. */
  loss: number | undefined
  /** Packets sent again as a share of those sent for the first time. */
  resent: number
  /** As the receiver's reports show it. */
  roundTripMs: number | undefined
  /** `none`, `cpu`, `bandwidth` or `other`. */
  limitation: string | undefined
  /** Share of the interval that encoding took, of one thread; undefined for sound. */
  encodeBusy: number | undefined
}

export interface ReceivedTrack {
  publicationId: string | undefined
  kind: TrackKind
  kbps: number
  /** Packets lost out of those expected in the interval, from 0 to 1, before any repair. */
  loss: number
  jitterMs: number
  width: number | undefined
  height: number | undefined
  framesPerSecond: number | undefined
  framesDecoded: number
  framesDropped: number
  /** Share of the interval that decoding took, of one thread; undefined for sound. */
  decodeBusy: number | undefined
  freezes: number
  freezeMs: number
  /** Share of the audio played in the interval that had to be invented, from 0 to 1. */
  concealed: number | undefined
  /** Mean time media waited in the jitter buffer. */
  bufferMs: number | undefined
}

/** Two seconds of a room; counts and rates are those of the interval. */
export interface RoomStatistics {
  atMs: number
  intervalMs: number
  roundTripMs: number | undefined
  availableUplinkKbps: number | undefined
  publishKbps: number
  subscribeKbps: number
  uplinkLoss: number
  downlinkLoss: number
  /** From 5 (as good as it gets) down to 1 (hardly usable), each way. */
  uplinkLevel: NetworkLevel
  downlinkLevel: NetworkLevel
  /** How the server measures its way to here; undefined while it sends no video, or measures nothing. */
  downlink: DownlinkFacts | undefined
  published: readonly PublishedLayer[]
  received: readonly ReceivedTrack[]
}

export type NetworkLevel = 1 | 2 | 3 | 4 | 5

export interface DownlinkFacts {
  /** What may be sent, and what everything that is wanted would take at its best. */
  targetKbps: number
  wantedKbps: number
  sentKbps: number
  limit: 'delay' | 'loss' | 'receiver'
  /** From 0 to 1, before repair. */
  loss: number
  lossKind: 'none' | 'random' | 'congestion'
  roundTripMs: number
}

type StatsRecord = { id: string; type: string; timestamp: number } & Record<string, unknown>

export interface StatisticsSample {
  publish: readonly StatsRecord[]
  subscribe: readonly StatsRecord[]
  publicationOfMid: (connection: 'publish' | 'subscribe', mid: string) => string | undefined
  atMs: number
}

export function recordsOf(report: RTCStatsReport | undefined): StatsRecord[] {
  const records: StatsRecord[] = []
  report?.forEach((record) => {
    records.push(record as StatsRecord)
  })
  return records
}

/** W3C WebRTC Statistics, turned from totals into what happened between two samples. */
export function statisticsBetween(
  before: StatisticsSample | undefined,
  now: StatisticsSample,
): RoomStatistics {
  const intervalMs = before ? Math.max(1, now.atMs - before.atMs) : 0
  const earlier = new Map(
    [...(before?.publish ?? []), ...(before?.subscribe ?? [])].map((record) => [record.id, record]),
  )
  const delta = (record: StatsRecord, name: string) =>
    Math.max(0, number(record, name) - (earlier.has(record.id) ? number(earlier.get(record.id), name) : 0))
  const kbps = (bytes: number) => (intervalMs === 0 ? 0 : Math.round((bytes * 8) / intervalMs))
  const busy = (record: StatsRecord, name: string) =>
    record.kind === 'video' && intervalMs > 0 ? (delta(record, name) * 1000) / intervalMs : undefined

  const remoteInbound = new Map(
    now.publish.filter(({ type }) => type === 'remote-inbound-rtp').map((record) => [record.localId, record]),
  )
  const published = now.publish
    .filter(({ type }) => type === 'outbound-rtp')
    .map((record): PublishedLayer => {
      const target = maybe(record, 'targetBitrate')
      const remote = remoteInbound.get(record.id)
      const resent = delta(record, 'retransmittedPacketsSent')
      const roundTripSeconds = remote && maybe(remote, 'roundTripTime')
      return {
        publicationId: now.publicationOfMid('publish', String(record.mid)),
        kind: record.kind === 'audio' ? 'audio' : 'video',
        rid: text(record, 'rid'),
        kbps: kbps(delta(record, 'bytesSent')),
        targetKbps: target === undefined ? undefined : Math.round(target / 1000),
        width: maybe(record, 'frameWidth'),
        height: maybe(record, 'frameHeight'),
        framesPerSecond: maybe(record, 'framesPerSecond'),
        loss: remote && maybe(remote, 'fractionLost'),
        resent: share(resent, delta(record, 'packetsSent') - resent),
        roundTripMs: roundTripSeconds === undefined ? undefined : Math.round(roundTripSeconds * 1000),
        limitation: text(record, 'qualityLimitationReason'),
        encodeBusy: busy(record, 'totalEncodeTime'),
      }
    })
  const received = now.subscribe
    .filter(({ type }) => type === 'inbound-rtp')
    .map((record): ReceivedTrack => {
      const lost = delta(record, 'packetsLost')
      const samples = delta(record, 'totalSamplesReceived')
      // Silence the sender did not bother to send is no loss.
      const invented = Math.max(
        0,
        delta(record, 'concealedSamples') - delta(record, 'silentConcealedSamples'),
      )
      const emitted = delta(record, 'jitterBufferEmittedCount')
      return {
        publicationId: now.publicationOfMid('subscribe', String(record.mid)),
        kind: record.kind === 'audio' ? 'audio' : 'video',
        kbps: kbps(delta(record, 'bytesReceived')),
        loss: share(lost, lost + delta(record, 'packetsReceived')),
        jitterMs: Math.round(number(record, 'jitter') * 1000),
        width: maybe(record, 'frameWidth'),
        height: maybe(record, 'frameHeight'),
        framesPerSecond: maybe(record, 'framesPerSecond'),
        framesDecoded: delta(record, 'framesDecoded'),
        framesDropped: delta(record, 'framesDropped'),
        decodeBusy: busy(record, 'totalDecodeTime'),
        freezes: delta(record, 'freezeCount'),
        freezeMs: Math.round(delta(record, 'totalFreezesDuration') * 1000),
        concealed: samples === 0 ? undefined : share(invented, samples),
        bufferMs:
          emitted === 0 ? undefined : Math.round((delta(record, 'jitterBufferDelay') / emitted) * 1000),
      }
    })
  const pair = [...now.publish, ...now.subscribe].find(
    (record) => record.type === 'candidate-pair' && record.nominated === true && record.state === 'succeeded',
  )
  const roundTripSeconds = pair && maybe(pair, 'currentRoundTripTime')
  const uplinkPair = now.publish.find(
    (record) => record.type === 'candidate-pair' && record.nominated === true,
  )
  const available = uplinkPair && maybe(uplinkPair, 'availableOutgoingBitrate')
  const inbound = now.subscribe.filter(({ type }) => type === 'inbound-rtp')
  const lost = sum(inbound.map((record) => delta(record, 'packetsLost')))
  const roundTripMs = roundTripSeconds === undefined ? undefined : Math.round(roundTripSeconds * 1000)
  const uplinkLoss = Math.max(0, ...published.map(({ loss }) => loss ?? 0))
  const downlinkLoss = share(lost, lost + sum(inbound.map((record) => delta(record, 'packetsReceived'))))
  // A path that carries less than would be sent, and not only while its rate is still being found out.
  const isLimited = (record: StatsRecord | undefined) => record?.qualityLimitationReason === 'bandwidth'
  const isUplinkFull = now.publish.some((record) => isLimited(record) && isLimited(earlier.get(record.id)))
  return {
    atMs: now.atMs,
    intervalMs,
    roundTripMs,
    uplinkLevel: Math.min(networkLevel(uplinkLoss, roundTripMs), isUplinkFull ? 3 : 5) as NetworkLevel,
    downlinkLevel: networkLevel(downlinkLoss, roundTripMs),
    downlink: undefined,
    availableUplinkKbps: available === undefined ? undefined : Math.round(available / 1000),
    publishKbps: sum(published.map((layer) => layer.kbps)),
    subscribeKbps: sum(received.map((track) => track.kbps)),
    uplinkLoss,
    downlinkLoss,
    published,
    received,
  }
}

/** The flat numbers of `rtc.report`; what is not known is left out. */
export function factsOf(statistics: RoomStatistics, quality: Quality): Record<string, number> {
  const { received } = statistics
  const audio = received.filter(({ kind }) => kind === 'audio')
  const facts: Record<string, number | undefined> = {
    intervalMs: statistics.intervalMs,
    roundTripMs: statistics.roundTripMs,
    availableUplinkKbps: statistics.availableUplinkKbps,
    publishKbps: statistics.publishKbps,
    subscribeKbps: statistics.subscribeKbps,
    uplinkLoss: rounded(statistics.uplinkLoss),
    downlinkLoss: rounded(statistics.downlinkLoss),
    uplinkLevel: statistics.uplinkLevel,
    downlinkLevel: statistics.downlinkLevel,
    jitterMs: Math.max(0, ...received.map(({ jitterMs }) => jitterMs)),
    freezes: sum(received.map(({ freezes }) => freezes)),
    freezeMs: sum(received.map(({ freezeMs }) => freezeMs)),
    framesDropped: sum(received.map(({ framesDropped }) => framesDropped)),
    concealed: rounded(Math.max(0, ...audio.map(({ concealed }) => concealed ?? 0))),
    audioTracks: audio.length,
    videoTracks: received.length - audio.length,
    quality: { good: 3, fair: 2, poor: 1, lost: 0, unknown: undefined }[quality],
  }
  return Object.fromEntries(
    Object.entries(facts).filter((fact): fact is [string, number] => fact[1] !== undefined),
  )
}

/** With what the server told since; its loss is what was lost before any repair. */
export function withPath(
  statistics: RoomStatistics,
  path: RtcServerEvents['rtc.path-measured'] | undefined,
): RoomStatistics {
  if (path === undefined) return statistics
  const { target, wanted, allotted, limit, loss, lossKind, roundTripMs } = path
  const kbps = (bitrate: number) => Math.round(bitrate / 1000)
  const downlink = {
    ...{ targetKbps: kbps(target), wantedKbps: kbps(wanted), sentKbps: kbps(allotted) },
    ...{ limit, loss, lossKind, roundTripMs },
  }
  const level = networkLevel(loss, roundTripMs)
  // A path that is full serves less than is wanted, however little it loses.
  const full = wanted > 0 && allotted < 0.6 * wanted ? 3 : 5
  return { ...statistics, downlink, downlinkLevel: Math.min(level, full) as NetworkLevel }
}

/** A path that is being looked for carries nothing. */
export function withLost(
  statistics: RoomStatistics,
  lost: { publish: boolean; subscribe: boolean },
): RoomStatistics {
  return {
    ...statistics,
    ...(lost.publish && { uplinkLevel: 1 }),
    ...(lost.subscribe && { downlinkLevel: 1 }),
  }
}

/** What came over the wire, brought into range. */
export function asLevels(uplink: number, downlink: number): { uplink: NetworkLevel; downlink: NetworkLevel } {
  const level = (value: number) => Math.min(5, Math.max(1, Math.round(value))) as NetworkLevel
  return { uplink: level(uplink), downlink: level(downlink) }
}

/** Good transmission is up to 5 % loss; a call is poor above 320 ms round trip. */
function networkLevel(loss: number, roundTripMs = 0): NetworkLevel {
  if (loss > 0.3 || roundTripMs > 800) return 1
  if (loss > 0.12 || roundTripMs > 500) return 2
  if (loss > 0.05 || roundTripMs > 320) return 3
  if (loss > 0.01 || roundTripMs > 150) return 4
  return 5
}

/** Thresholds: transmission is good up to 5 % loss, a call is poor above 320 ms round trip. */
export function qualityOf(facts: {
  lost: boolean
  loss: number
  roundTripMs: number | undefined
  freezeMs: number
  concealed: number
}): Quality {
  if (facts.lost) return 'lost'
  const roundTripMs = facts.roundTripMs ?? 0
  if (facts.loss > 0.1 || roundTripMs > 500 || facts.freezeMs > 600 || facts.concealed > 0.1) return 'poor'
  if (facts.loss > 0.05 || roundTripMs > 320 || facts.freezeMs > 0 || facts.concealed > 0.03) return 'fair'
  return 'good'
}

function number(record: StatsRecord | undefined, name: string): number {
  return record ? (maybe(record, name) ?? 0) : 0
}

function maybe(record: StatsRecord, name: string): number | undefined {
  const value = record[name]
  return typeof value === 'number' && Number.isFinite(value) ? value : undefined
}

function text(record: StatsRecord, name: string): string | undefined {
  const value = record[name]
  return typeof value === 'string' ? value : undefined
}

function share(part: number, whole: number): number {
  return whole <= 0 ? 0 : part / whole
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0)
}

function rounded(value: number): number {
  return Math.round(value * 10_000) / 10_000
}
