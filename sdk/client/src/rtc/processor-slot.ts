import type { PublicationSource } from '@parley/contracts'
import type { ProcessorFailure, TrackProcessor } from './track-processor.ts'

interface Run {
  input: MediaStreamTrack
  output: MediaStreamTrack
}

/**
 * The place of one processor, between a captured track and its sender. A processor that fails is passed over until
 * another input comes. It closes the processor, never the input.
 */
export class ProcessorSlot {
  readonly #source: PublicationSource
  readonly #onFailed: (failure: ProcessorFailure) => void
  #processor: TrackProcessor | undefined
  #run: Run | undefined

  /** `onFailed` may come at any time; whoever sends then asks `outputOf` again. */
  constructor(source: PublicationSource, onFailed: (failure: ProcessorFailure) => void) {
    this.#source = source
    this.#onFailed = onFailed
  }

  get processor(): TrackProcessor | undefined {
    return this.#processor
  }

  /** Takes effect with the next `process`. */
  set(processor: TrackProcessor | undefined): void {
    if (processor === this.#processor) return
    this.stop()
    this.#processor = processor
  }

  /** What is sent for the captured track: what the processor makes of it, or the track itself. */
  async process(input: MediaStreamTrack): Promise<MediaStreamTrack> {
    const processor = this.#processor
    if (!processor) return input
    if (this.#run?.input === input) return this.#run.output
    const run: Run = { input, output: input }
    this.#run = run
    const fail = (error: unknown) => this.#fail(run, processor, error)
    try {
      const output = await processor.start(input, { source: this.#source, fail })
      if (this.#run !== run) return input
      run.output = output
      if (output !== input) output.addEventListener('ended', () => fail(new Error('The output ended')))
    } catch (error) {
      fail(error)
    }
    return this.outputOf(input)
  }

  outputOf(input: MediaStreamTrack): MediaStreamTrack {
    return this.#run?.input === input ? this.#run.output : input
  }

  /** Nothing is captured: the processor rests until the next `process`. */
  stop(): void {
    if (!this.#run) return
    this.#run = undefined
    this.#processor?.close()
  }

  /** As `stop`, unless another track is processed by now. */
  stopFor(input: MediaStreamTrack): void {
    if (this.#run?.input === input) this.stop()
  }

  #fail(run: Run, processor: TrackProcessor, error: unknown): void {
    if (this.#run !== run || this.#processor !== processor) return
    // Kept, so that the same input does not start it again.
    this.#run = { input: run.input, output: run.input }
    processor.close()
    this.#onFailed({ processor, source: this.#source, error })
  }
}
