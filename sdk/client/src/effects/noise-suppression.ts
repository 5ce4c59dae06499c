import { loadRnnoise, RnnoiseWorkletNode } from '@sapphi-red/web-noise-suppressor'
import type { ProcessorContext, TrackProcessor } from '../rtc/track-processor.ts'

/** Where the page serves files of the package `@sapphi-red/web-noise-suppressor` from. */
export interface NoiseSuppressionOptions {
  /** `rnnoiseWorklet.js` */
  workletUrl: string
  /** `rnnoise.wasm` */
  wasmUrl: string
  /** `rnnoise_simd.wasm`, for browsers that have SIMD. */
  simdWasmUrl: string
}

/** What RNNoise was made for. */
const sampleRate = 48_000
const startsWithinMs = 2_000

/**
 * Takes noise out of a microphone with RNNoise (https://jmvalin.ca/demo/rnnoise/) in an AudioWorklet; speech comes out
 * in mono, some 20 ms later. Rejects to start where the files cannot be loaded, or the browser waits for a click
 * before sound may be processed.
 */
export function noiseSuppression(options: NoiseSuppressionOptions): TrackProcessor {
  return new NoiseSuppression(options)
}

class NoiseSuppression implements TrackProcessor {
  readonly kind = 'audio'
  readonly name = 'noise-suppression'
  readonly #options: NoiseSuppressionOptions
  #binary: Promise<ArrayBuffer> | undefined
  #end: () => void = () => undefined

  constructor(options: NoiseSuppressionOptions) {
    this.#options = options
  }

  async start(input: MediaStreamTrack, { fail }: ProcessorContext): Promise<MediaStreamTrack> {
    this.#end()
    const context = new AudioContext({ sampleRate, latencyHint: 'interactive' })
    let node: RnnoiseWorkletNode | undefined
    let isOver = false
    this.#end = () => {
      if (isOver) return
      isOver = true
      node?.destroy()
      void context.close()
    }
    const end = this.#end
    try {
      const [binary] = await Promise.all([
        this.#load(),
        context.audioWorklet.addModule(this.#options.workletUrl),
        running(context),
      ])
      if (isOver) throw new DOMException('It was closed', 'AbortError')
      node = new RnnoiseWorkletNode(context, { wasmBinary: binary, maxChannels: 1 })
      node.addEventListener('processorerror', () => fail(new Error('The noise suppression stopped')))
      const output = context.createMediaStreamDestination()
      output.channelCount = 1
      context
        .createMediaStreamSource(new MediaStream([input]))
        .connect(node)
        .connect(output)
      // Telephone calls and other pages may take the audio device away for a while.
      context.addEventListener('statechange', () => {
        if (!isOver && context.state !== 'running') context.resume().catch(fail)
      })
      const [track] = output.stream.getAudioTracks()
      if (!track) throw new Error('There is no output')
      return track
    } catch (error) {
      end()
      throw error
    }
  }

  close(): void {
    this.#end()
  }

  /** Compiled once here, as a worklet cannot tell that it could not. */
  #load(): Promise<ArrayBuffer> {
    const { wasmUrl, simdWasmUrl } = this.#options
    this.#binary ??= loadRnnoise({ url: wasmUrl, simdUrl: simdWasmUrl }).then(async (binary) => {
      await WebAssembly.compile(binary)
      return binary
    })
    this.#binary.catch(() => {
      this.#binary = undefined
    })
    return this.#binary
  }
}

/** Without a click on the page some browsers leave a context suspended, which would send silence. */
async function running(context: AudioContext): Promise<void> {
  let timer: ReturnType<typeof setTimeout> | undefined
  const tooLate = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () => reject(new DOMException('Sound waits for a click', 'NotAllowedError')),
      startsWithinMs,
    )
  })
  try {
    await Promise.race([context.resume(), tooLate])
  } finally {
    clearTimeout(timer)
  }
}
