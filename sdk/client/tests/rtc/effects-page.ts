import { loadRnnoise, RnnoiseWorkletNode } from '@sapphi-red/web-noise-suppressor'
import { noiseSuppression } from '../../src/effects/noise-suppression.ts'
import { EmptyRoomSegmenter, VirtualBackground } from '../../src/effects/virtual-background.ts'

/** What the page under test offers to the test, which runs outside of it. */
export interface EffectsPage {
  /** Levels in dB of full scale, before and after the suppression. */
  suppress(): Promise<Record<'noise' | 'speech', { before: number; after: number }>>
  /** The highest sample of a voice that went through the processor as an application uses it, out of 1. */
  hearSuppressed(): Promise<{ loudest: number; kind: string }>
  /** Contrast of the room and of the person in what comes out, out of 255, with pictures of each stage. */
  background(way: 'worker' | 'frames' | 'elements'): Promise<BackgroundResult>
}

export interface BackgroundResult {
  /** Mean difference between neighbours of a fine pattern: high where it is sharp. */
  unlearnt: { room: number; person: number }
  learnt: { room: number; person: number }
  /** Mean colour of the room once a red picture stands for it. */
  image: { room: number[]; person: number }
  framesPerSecond: number
  frameMs: number
  pictures: string[]
}

declare global {
  var effects: EffectsPage
}

const urls = {
  workletUrl: '/workletProcessor.js',
  wasmUrl: '/rnnoise.wasm',
  simdWasmUrl: '/rnnoise_simd.wasm',
}
const context = { source: 'microphone' as const, fail: (error: unknown) => Promise.reject(error) }
const rate = 48_000

/** Vowels in syllables: pulses of a voice with a wandering pitch through the resonances of a mouth. */
function speech(seconds: number): Float32Array<ArrayBuffer> {
  const samples = new Float32Array(seconds * rate)
  const vowels = [
    [730, 1090, 2440],
    [270, 2290, 3010],
    [570, 840, 2410],
    [530, 1840, 2480],
  ]
  let phase = 0
  const memory = [0, 0, 0, 0, 0, 0]
  for (let index = 0; index < samples.length; index++) {
    const second = index / rate
    const syllable = Math.floor(second * 4)
    const within = second * 4 - syllable
    const pitch = 120 + 25 * Math.sin(2 * Math.PI * 0.7 * second) + 12 * Math.sin(2 * Math.PI * 2.3 * second)
    phase += pitch / rate
    const cycle = phase % 1
    let value = cycle < 0.4 ? Math.sin((Math.PI * cycle) / 0.4) ** 2 - 0.25 : -0.25
    const formants = vowels[syllable % vowels.length] ?? []
    let sum = 0
    formants.forEach((frequency, each) => {
      const radius = Math.exp((-Math.PI * (80 + 40 * each)) / rate)
      const [one = 0, two = 0] = [memory[2 * each], memory[2 * each + 1]]
      const out =
        value * (1 - radius) +
        2 * radius * Math.cos((2 * Math.PI * frequency) / rate) * one -
        radius ** 2 * two
      memory[2 * each + 1] = one
      memory[2 * each] = out
      sum += out / (each + 1)
    })
    value = sum
    samples[index] = value * Math.sin(Math.PI * Math.min(1, within / 0.85)) ** 0.7
  }
  return normalised(samples, 0.12)
}

function noise(seconds: number): Float32Array<ArrayBuffer> {
  const samples = new Float32Array(seconds * rate)
  let state = 1
  for (let index = 0; index < samples.length; index++) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) | 0
    samples[index] = state / 2 ** 31
  }
  return normalised(samples, 0.02)
}

function normalised(samples: Float32Array<ArrayBuffer>, effective: number): Float32Array<ArrayBuffer> {
  let energy = 0
  for (const sample of samples) energy += sample * sample
  const factor = effective / Math.sqrt(energy / samples.length)
  return samples.map((sample) => sample * factor)
}

/** Rendered without a clock, so that a busy machine changes nothing: 18 s of hiss, then 8 s with a voice in it. */
async function suppress(): ReturnType<EffectsPage['suppress']> {
  const audio = new OfflineAudioContext(2, 26 * rate, rate)
  const sum = audio.createGain()
  const play = (samples: Float32Array<ArrayBuffer>, at: number) => {
    const buffer = audio.createBuffer(1, samples.length, rate)
    buffer.copyToChannel(samples, 0)
    const source = audio.createBufferSource()
    source.buffer = buffer
    source.connect(sum)
    source.start(at)
  }
  play(noise(26), 0)
  play(speech(8), 18)
  await audio.audioWorklet.addModule(urls.workletUrl)
  const wasmBinary = await loadRnnoise({ url: urls.wasmUrl, simdUrl: urls.simdWasmUrl })
  const suppressor = new RnnoiseWorkletNode(audio as BaseAudioContext as AudioContext, {
    wasmBinary,
    maxChannels: 1,
  })
  const sides = audio.createChannelMerger(2)
  sum.connect(sides, 0, 0)
  sum.connect(suppressor).connect(sides, 0, 1)
  sides.connect(audio.destination)
  // The worklet compiles its own copy, and tells nobody when it has: until then it is silent.
  const meter = audio.createAnalyser()
  suppressor.connect(meter)
  const heard = new Float32Array(meter.fftSize)
  for (let second = 1; second <= 7; second++) {
    void audio.suspend(second).then(async () => {
      meter.getFloatTimeDomainData(heard)
      if (heard.every((sample) => sample === 0)) await new Promise((resolve) => setTimeout(resolve, 1_000))
      await audio.resume()
    })
  }
  const rendered = await audio.startRendering()
  const levels = (from: number, to: number) => {
    const [before, after] = [0, 1].map((side) => {
      const samples = rendered.getChannelData(side).subarray(from * rate, to * rate)
      return 10 * Math.log10(samples.reduce((sum, sample) => sum + sample ** 2, 0) / samples.length + 1e-12)
    })
    return { before: before ?? 0, after: after ?? 0 }
  }
  return { noise: levels(15, 18), speech: levels(19, 26) }
}

async function hearSuppressed(): ReturnType<EffectsPage['hearSuppressed']> {
  const audio = new AudioContext({ sampleRate: rate })
  await audio.resume()
  const input = audio.createMediaStreamDestination()
  const buffer = audio.createBuffer(1, 8 * rate, rate)
  buffer.copyToChannel(speech(8), 0)
  const voice = audio.createBufferSource()
  Object.assign(voice, { buffer, loop: true })
  voice.connect(input)
  voice.start()
  const [track] = input.stream.getAudioTracks()
  if (!track) throw new Error('no input')
  const processor = noiseSuppression(urls)
  const output = await processor.start(track, context)
  const analyser = audio.createAnalyser()
  audio.createMediaStreamSource(new MediaStream([output])).connect(analyser)
  const samples = new Float32Array(analyser.fftSize)
  let loudest = 0
  for (const until = performance.now() + 20_000; loudest < 0.05 && performance.now() < until; ) {
    await new Promise((resolve) => setTimeout(resolve, 40))
    analyser.getFloatTimeDomainData(samples)
    loudest = Math.max(loudest, ...samples.map(Math.abs))
  }
  processor.close()
  await audio.close()
  return { loudest, kind: output.kind }
}

const size = { width: 640, height: 360 }
/** Parts of the picture: a corner of the room, and the chest of the person. */
const areas = { room: [40, 40, 120, 120], person: [280, 230, 80, 90] } as const

/** A room of fine tiles, and maybe a person in a striped shirt, who sways. */
function camera() {
  const canvas = Object.assign(document.createElement('canvas'), size)
  const view = canvas.getContext('2d') as CanvasRenderingContext2D
  const scene = { hasPerson: false }
  const tiles = view.createImageData(size.width, size.height)
  for (let at = 0; at < size.width * size.height; at++) {
    const isDark = ((at % size.width) >> 3) % 2 === (Math.floor(at / size.width) >> 3) % 2
    tiles.data.set(isDark ? [70, 96, 110, 255] : [150, 178, 190, 255], at * 4)
  }
  const timer = setInterval(() => {
    view.putImageData(tiles, 0, 0)
    if (!scene.hasPerson) return
    const x = 320 + 6 * Math.sin(performance.now() / 700)
    view.fillStyle = '#c98d6b'
    view.beginPath()
    view.ellipse(x, 130, 55, 75, 0, 0, 7)
    view.fill()
    for (let stripe = 0; stripe < 38; stripe++) {
      view.fillStyle = stripe % 2 ? '#8c1d2f' : '#e5b0b8'
      view.fillRect(x - 150 + stripe * 8, 210, 8, 150)
    }
  }, 1000 / 30)
  const [track] = canvas.captureStream(30).getVideoTracks()
  if (!track) throw new Error('no input')
  return { track, scene, end: () => clearInterval(timer) }
}

async function background(way: 'worker' | 'frames' | 'elements'): Promise<BackgroundResult> {
  const scope = globalThis as { MediaStreamTrackProcessor?: unknown }
  const kept = scope.MediaStreamTrackProcessor
  if (way === 'elements') scope.MediaStreamTrackProcessor = undefined
  const { track, scene, end } = camera()
  const segmenter = new EmptyRoomSegmenter()
  const worker = way === 'worker' && { workerUrl: '/background-worker.js' }
  const processor = new VirtualBackground({ background: { type: 'blur' }, segmenter, ...worker })
  const output = await processor.start(track, { ...context, source: 'camera' })
  scope.MediaStreamTrackProcessor = kept
  const video = document.createElement('video')
  video.muted = true
  video.srcObject = new MediaStream([output])
  await video.play()
  const look = Object.assign(document.createElement('canvas'), size)
  const view = look.getContext('2d', { willReadFrequently: true }) as CanvasRenderingContext2D
  const frames = () => video.getVideoPlaybackQuality().totalVideoFrames
  const pictures: string[] = []
  const shown = async () => {
    const from = frames()
    while (frames() < from + 15) await new Promise((resolve) => setTimeout(resolve, 20))
    view.drawImage(video, 0, 0, size.width, size.height)
    pictures.push(look.toDataURL('image/png'))
  }
  const read = (area: keyof typeof areas) => {
    const [x, y, width, height] = areas[area]
    return view.getImageData(x, y, width, height).data
  }
  const contrast = (area: keyof typeof areas) => {
    const pixels = read(area)
    let sum = 0
    for (let at = 32; at < pixels.length; at += 4) sum += Math.abs((pixels[at] ?? 0) - (pixels[at - 32] ?? 0))
    return sum / (pixels.length / 4)
  }
  const contrasts = () => ({ room: contrast('room'), person: contrast('person') })
  scene.hasPerson = true
  await shown()
  const unlearnt = contrasts()
  scene.hasPerson = false
  await segmenter.learn({ durationMs: 800 })
  scene.hasPerson = true
  await shown()
  const learnt = contrasts()
  const beach = Object.assign(document.createElement('canvas'), { width: 100, height: 100 })
  const paint = beach.getContext('2d') as CanvasRenderingContext2D
  paint.fillStyle = 'rgb(230, 20, 20)'
  paint.fillRect(0, 0, 100, 100)
  processor.setBackground({ type: 'image', image: beach })
  await shown()
  const pixels = read('room')
  const mean = [0, 1, 2].map((part) => {
    let sum = 0
    for (let at = part; at < pixels.length; at += 4) sum += pixels[at] ?? 0
    return Math.round(sum / (pixels.length / 4))
  })
  const image = { room: mean, person: contrast('person') }
  const before = { atMs: performance.now(), frames: frames() }
  await new Promise((resolve) => setTimeout(resolve, 2_000))
  const framesPerSecond = ((frames() - before.frames) * 1000) / (performance.now() - before.atMs)
  const { frameMs } = processor
  processor.close()
  end()
  return { unlearnt, learnt, image, framesPerSecond, frameMs, pictures }
}

globalThis.effects = { suppress, hearSuppressed, background }
