import './page.ts'
import { noiseSuppression } from '../../src/effects/noise-suppression.ts'
import { VirtualBackground } from '../../src/effects/virtual-background.ts'
import type { Room, TrackProcessor } from '../../src/index.ts'

/** What this page offers beyond `page.ts`. */
export interface MediaPage {
  room(): Room
  /** Green all over: what it shows cannot be mistaken for the camera. */
  green: TrackProcessor
  suppression: TrackProcessor
  /** Rejects to start. */
  broken: TrackProcessor
  /** Offers this page has made on any peer connection. */
  offers(): number
  /** Mean colour of what arrives from the camera of the first other participant; watches from the first frame on. */
  watchColours(): { colours: [number, number, number][]; stop: () => void }
  watched: { colours: [number, number, number][]; stop: () => void } | undefined
  /** Levels of what is played through audio graphs, left and right, in dB. */
  heard(): Promise<{ left: number; right: number }>
  /** A tone, as a track that belongs to this page. */
  tone(): MediaStreamTrack
  /** Changes what peer connections say of themselves. */
  falsify: ((record: Record<string, unknown>) => void) | undefined
}

declare global {
  var media: MediaPage
}

let offers = 0
const createOffer = RTCPeerConnection.prototype.createOffer as (options?: object) => Promise<object>
RTCPeerConnection.prototype.createOffer = function (this: RTCPeerConnection, options?: object) {
  offers++
  return createOffer.call(this, options)
} as typeof RTCPeerConnection.prototype.createOffer

const getStats = RTCPeerConnection.prototype.getStats
RTCPeerConnection.prototype.getStats = async function (this: RTCPeerConnection) {
  const report = await getStats.call(this)
  const records = new Map<string, Record<string, unknown>>()
  report.forEach((record: Record<string, unknown>, id: string) => {
    const copy = { ...record }
    globalThis.media.falsify?.(copy)
    records.set(id, copy)
  })
  return records as unknown as RTCStatsReport
}

/** Everything on its way to loudspeakers passes by here. */
const meters: { context: BaseAudioContext; sides: AnalyserNode[] }[] = []
const connect = AudioNode.prototype.connect as (this: AudioNode, ...to: [AudioNode]) => AudioNode
AudioNode.prototype.connect = function (this: AudioNode, ...to: [AudioNode]) {
  const [target] = to
  if (target instanceof AudioDestinationNode) {
    const splitter = this.context.createChannelSplitter(2)
    connect.call(this, splitter)
    const sides = [0, 1].map((side) => {
      const analyser = this.context.createAnalyser()
      splitter.connect(analyser, side)
      return analyser
    })
    meters.push({ context: this.context, sides })
  }
  return connect.apply(this, to)
} as typeof AudioNode.prototype.connect

async function heard(): Promise<{ left: number; right: number }> {
  const energy = [0, 0]
  const samples = new Float32Array(2048)
  for (let look = 0; look < 20; look++) {
    for (const { context, sides } of meters) {
      if (context.state !== 'running') continue
      sides.forEach((analyser, side) => {
        analyser.getFloatTimeDomainData(samples)
        energy[side] = (energy[side] ?? 0) + samples.reduce((sum, sample) => sum + sample * sample, 0) / 2048
      })
    }
    await new Promise((resolve) => setTimeout(resolve, 25))
  }
  const [left = 0, right = 0] = energy.map((sum) => 10 * Math.log10(sum / 20 + 1e-12))
  return { left, right }
}

function room(): Room {
  const [first] = globalThis.page.rooms.values()
  if (!first) throw new Error('no room')
  return first
}

function watchColours(): { colours: [number, number, number][]; stop: () => void } {
  const colours: [number, number, number][] = []
  const video = document.createElement('video')
  video.muted = true
  video.style.cssText = 'position: fixed; top: 0; width: 320px; height: 180px'
  document.body.append(video)
  const canvas = new OffscreenCanvas(8, 8)
  const view = canvas.getContext('2d', { willReadFrequently: true }) as OffscreenCanvasRenderingContext2D
  const attach = () => {
    for (const participant of room().participants.values()) participant.publication('camera')?.attach(video)
  }
  const stopListening = room().on('track-subscribed', attach)
  attach()
  let isOver = false
  const look = () => {
    if (isOver) return
    view.drawImage(video, 0, 0, 8, 8)
    const { data } = view.getImageData(0, 0, 8, 8)
    const mean = (part: number) => {
      let sum = 0
      for (let at = part; at < data.length; at += 4) sum += data[at] ?? 0
      return Math.round(sum / 64)
    }
    colours.push([mean(0), mean(1), mean(2)])
    video.requestVideoFrameCallback(look)
  }
  video.requestVideoFrameCallback(look)
  const stop = () => {
    isOver = true
    stopListening()
    video.remove()
  }
  return { colours, stop }
}

function tone(): MediaStreamTrack {
  const context = new AudioContext()
  const oscillator = new OscillatorNode(context, { frequency: 600 })
  const destination = context.createMediaStreamDestination()
  oscillator.connect(new GainNode(context, { gain: 0.4 })).connect(destination)
  oscillator.start()
  return destination.stream.getAudioTracks()[0] as MediaStreamTrack
}

const wall = Object.assign(document.createElement('canvas'), { width: 64, height: 36 })
const view = wall.getContext('2d') as CanvasRenderingContext2D
view.fillStyle = 'rgb(10, 200, 30)'
view.fillRect(0, 0, 64, 36)

globalThis.media = {
  room,
  green: new VirtualBackground({
    background: { type: 'image', image: wall },
    workerUrl: '/background-worker.js',
  }),
  suppression: noiseSuppression({
    workletUrl: '/workletProcessor.js',
    wasmUrl: '/rnnoise.wasm',
    simdWasmUrl: '/rnnoise_simd.wasm',
  }),
  broken: {
    kind: 'video',
    name: 'broken',
    start: () => Promise.reject(new Error('no model')),
    close: () => undefined,
  },
  offers: () => offers,
  watchColours,
  watched: undefined,
  heard,
  tone,
  falsify: undefined,
}
