import type { PublicationSource } from '@parley/contracts'
import type { LocalPublication } from './local-publication.ts'
import type { LocalParticipant } from './participant.ts'
import { ProcessorSlot } from './processor-slot.ts'
import type { ProcessorFailure, TrackProcessor } from './track-processor.ts'

/** The processors of microphone and camera: which publication goes through which. */
export class LocalProcessors {
  readonly #local: LocalParticipant
  readonly #slots: Record<'audio' | 'video', ProcessorSlot>

  constructor(local: LocalParticipant, onFailed: (failure: ProcessorFailure) => void) {
    this.#local = local
    this.#slots = {
      audio: new ProcessorSlot('microphone', onFailed),
      video: new ProcessorSlot('camera', onFailed),
    }
  }

  get(kind: 'audio' | 'video'): TrackProcessor | undefined {
    return this.#slots[kind].processor
  }

  /** Takes effect with the next `process`. */
  set(kind: 'audio' | 'video', processor: TrackProcessor | undefined): void {
    this.#slots[kind].set(processor)
  }

  /** What is sent for a captured track that is not published yet. */
  async processFirst(source: PublicationSource, captured: MediaStreamTrack): Promise<MediaStreamTrack> {
    if (this.#local.publication(source)) return captured
    return (await this.#slotOf(source)?.process(captured)) ?? captured
  }

  /** What is sent for a captured track of this publication. Only the first one of a device is processed. */
  async process(publication: LocalPublication, captured: MediaStreamTrack): Promise<MediaStreamTrack> {
    return (await this.#slotOfPublication(publication)?.process(captured)) ?? captured
  }

  /** Nothing is captured for this publication any more. */
  stopFor(publication: LocalPublication): void {
    this.#slotOfPublication(publication)?.stopFor(publication.captured)
  }

  /** This track is not published after all. */
  stopForTrack(track: MediaStreamTrack): void {
    for (const slot of Object.values(this.#slots)) slot.stopFor(track)
  }

  stop(): void {
    for (const slot of Object.values(this.#slots)) slot.stop()
  }

  #slotOfPublication(publication: LocalPublication): ProcessorSlot | undefined {
    const first = this.#local.publication(publication.source)
    return first && first !== publication ? undefined : this.#slotOf(publication.source)
  }

  #slotOf(source: PublicationSource): ProcessorSlot | undefined {
    if (source !== 'microphone' && source !== 'camera') return undefined
    return this.#slots[source === 'microphone' ? 'audio' : 'video']
  }
}
