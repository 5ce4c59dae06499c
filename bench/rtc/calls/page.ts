import { Parley, type Room } from '@parley/client'
import {
  paintEveryMs,
  pictureAgeMs,
  pictureHeight,
  pictureTrack,
  pictureWidth,
  soundTrack,
} from '../browser/tracks.ts'
import { playFromJanus, publishToJanus } from './janus-page.ts'

/** What one page saw and heard in a while. */
export interface Seen {
  seconds: number
  /** Of the sound that was played, the share that had to be invented. */
  concealedPercent: number
  /** Of spans of 200 ms, those in which nearly everything was invented. */
  audioFrozenPercent: number
  audioBufferMs: number
  framesShown: number
  /** Of the time, spans without a new picture above 500 ms. */
  frozenPercent: number
  delayP50Ms: number
  delayP95Ms: number
  within400Percent: number
  within600Percent: number
  width: number
  /** What the browser counted of the picture meanwhile. */
  pictures: Record<string, number>
}

export interface CallPage {
  join(url: string, token: string, roomId: string, publish: { video: boolean } | undefined): Promise<void>
  joinJanus(url: string, roomId: number, publish: { video: boolean } | undefined): Promise<void>
  begin(): Promise<void>
  end(): Promise<Seen>
  drawn(): number
  facts(): Record<string, unknown>
}

declare global {
  var weatherCall: CallPage
}

let room: Room | undefined
let janus: RTCPeerConnection | undefined
let painted = 0

let shownAt: number[] = []
let delays: number[] = []
/** Pictures that went to the screen, also those whose time was not read in time. */
let presented: { before: number; now: number } | undefined
let frozenSpans = 0
let spans = 0
let begun: { atMs: number; audio: Record<string, number>; video: Record<string, number> } | undefined
let lastAudio: Record<string, number> | undefined

/** The layers of the client SDK for this picture. */
const encodings: readonly RTCRtpEncodingParameters[] = [
  { rid: 'q', scaleResolutionDownBy: 4, maxBitrate: 90_000 },
  { rid: 'h', scaleResolutionDownBy: 2, maxBitrate: 320_000 },
  { rid: 'f', scaleResolutionDownBy: 1, maxBitrate: 1_000_000 },
]

function tracksOf({ video }: { video: boolean }): MediaStreamTrack[] {
  const count = (): void => {
    painted += 1
  }
  return [soundTrack(), ...(video ? [pictureTrack(count)] : [])]
}

function show(element: HTMLVideoElement): void {
  element.width = pictureWidth
  element.height = pictureHeight
  document.body.append(element)
  watch(element)
}

function watch(video: HTMLVideoElement): void {
  const next = (_now: number, { presentedFrames }: VideoFrameCallbackMetadata): void => {
    const ageMs = pictureAgeMs(video)
    if (begun !== undefined) {
      presented = { before: presented?.before ?? presentedFrames - 1, now: presentedFrames }
    }
    if (begun !== undefined && ageMs !== undefined) {
      shownAt.push(performance.now())
      delays.push(ageMs)
    }
    video.requestVideoFrameCallback(next)
  }
  video.requestVideoFrameCallback(next)
}

function receivers(): RTCRtpReceiver[] {
  if (janus !== undefined) return janus.getReceivers()
  return [...(room?.participants.values() ?? [])].flatMap(({ publications }) =>
    [...publications.values()].flatMap(({ track }) => track?.receiver ?? []),
  )
}

async function totalsOf(kind: 'audio' | 'video'): Promise<Record<string, number>> {
  const totals: Record<string, number> = {}
  for (const receiver of receivers()) {
    if (receiver.track.kind !== kind) continue
    const report = await receiver.getStats()
    report.forEach((record: Record<string, unknown>) => {
      if (record.type !== 'inbound-rtp') return
      for (const [name, value] of Object.entries(record)) if (typeof value === 'number') totals[name] = value
    })
  }
  return totals
}

const pictureCounters = [
  ...['framesReceived', 'framesDecoded', 'framesDropped', 'keyFramesDecoded', 'nackCount', 'pliCount'],
  ...['packetsReceived', 'retransmittedPacketsReceived', 'packetsDiscarded', 'packetsLost', 'freezeCount'],
  ...['fecPacketsReceived', 'fecPacketsDiscarded', 'jitterBufferDelay', 'jitterBufferTargetDelay'],
  ...['jitterBufferMinimumDelay', 'jitterBufferEmittedCount'],
]

const since = (now: Record<string, number>, before: Record<string, number> | undefined, name: string) =>
  (now[name] ?? 0) - (before?.[name] ?? 0)

setInterval(async () => {
  if (begun === undefined) return
  const now = await totalsOf('audio')
  const samples = since(now, lastAudio, 'totalSamplesReceived')
  if (lastAudio !== undefined && samples > 0) {
    spans += 1
    if (since(now, lastAudio, 'concealedSamples') > 0.9 * samples) frozenSpans += 1
  }
  lastAudio = now
}, 200)

globalThis.weatherCall = {
  join: async (url, token, roomId, publish) => {
    const parley = await Parley.connect({ url, getToken: () => token })
    const [audio, video] = publish === undefined ? [] : tracksOf(publish)
    room = await parley.rtc.join(roomId, { ...(audio && { audio }), ...(video && { video }) })
    room.on('track-subscribed', ({ track }) => {
      if (track.kind !== 'video') return
      show(track.attach() as HTMLVideoElement)
    })
    room.on('statistics', (statistics) => {
      facts = {
        ...statistics.downlink,
        downlinkLoss: statistics.downlinkLoss,
        uplinkLoss: statistics.uplinkLoss,
      }
      for (const participant of room?.participants.values() ?? []) {
        for (const { kind, delivery } of participant.publications.values()) facts[kind] = delivery.reason
      }
    })
  },
  joinJanus: async (url, roomId, publish) => {
    if (publish !== undefined) {
      await publishToJanus(url, roomId, tracksOf(publish), encodings)
      return
    }
    janus = await playFromJanus(url, roomId, (track) => {
      const element = document.createElement(track.kind as 'video')
      element.srcObject = new MediaStream([track])
      element.autoplay = true
      if (track.kind === 'video') show(element)
      else document.body.append(element)
    })
  },
  begin: async () => {
    shownAt = []
    delays = []
    presented = undefined
    frozenSpans = 0
    spans = 0
    begun = { atMs: performance.now(), audio: await totalsOf('audio'), video: await totalsOf('video') }
    lastAudio = begun.audio
  },
  end: async () => {
    const now = await totalsOf('audio')
    const endMs = performance.now()
    const { atMs, audio, video: videoBefore } = begun ?? { atMs: endMs, audio: now, video: {} }
    const pictures = await totalsOf('video')
    begun = undefined
    const times = [atMs, ...shownAt, endMs]
    let frozenMs = 0
    for (const [index, time] of times.entries()) {
      const gap = time - (times[index - 1] ?? time)
      if (gap > 500) frozenMs += gap
    }
    const sorted = [...delays].sort((one, other) => one - other)
    const at = (share: number) => sorted[Math.floor(sorted.length * share)] ?? 0
    const framesShown = presented === undefined ? 0 : presented.now - presented.before
    // What could not be read counts as those that could.
    const read = framesShown / Math.max(1, delays.length)
    const within = (limit: number) =>
      (100 * read * delays.filter((delay) => delay <= limit).length) /
      Math.max(1, (endMs - atMs) / paintEveryMs)
    const video = document.querySelector('video')
    return {
      seconds: (endMs - atMs) / 1000,
      concealedPercent:
        (100 * since(now, audio, 'concealedSamples')) /
        Math.max(1, since(now, audio, 'totalSamplesReceived')),
      audioFrozenPercent: (100 * frozenSpans) / Math.max(1, spans),
      audioBufferMs:
        (1000 * since(now, audio, 'jitterBufferDelay')) /
        Math.max(1, since(now, audio, 'jitterBufferEmittedCount')),
      framesShown,
      frozenPercent: (100 * frozenMs) / (endMs - atMs),
      delayP50Ms: at(0.5),
      delayP95Ms: at(0.95),
      within400Percent: within(400),
      within600Percent: within(600),
      width: video?.videoWidth ?? 0,
      pictures: Object.fromEntries(pictureCounters.map((name) => [name, since(pictures, videoBefore, name)])),
    }
  },
  drawn: () => painted,
  facts: () => facts,
}

let facts: Record<string, unknown> = {}
