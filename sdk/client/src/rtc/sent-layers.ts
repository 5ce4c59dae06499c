import type { LocalPublication } from './local-publication.ts'
import { applyEncodings } from './video-cap.ts'

/** Holds the senders of videos to the layers that somebody watches and to what the processor carries. */
export class SentLayers {
  /** By publication: layers that are asked for. The server may ask before its answer is read. */
  readonly #watched = new Map<string, readonly boolean[]>()
  /** How much of its video the processor cannot carry; see `sendSteps`. */
  #cpuStep = 0

  setWatched(publicationId: string, active: readonly boolean[]): void {
    this.#watched.set(publicationId, active)
  }

  setCpuStep(step: number): void {
    this.#cpuStep = step
  }

  forget(publicationId: string): void {
    this.#watched.delete(publicationId)
  }

  clear(): void {
    this.#watched.clear()
  }

  /** One that was released takes no parameters any more: there is nothing to hold it to. */
  async apply({ id, section, kind, source }: LocalPublication): Promise<void> {
    if (kind === 'audio') return
    const { encodings: full, transceiver } = section
    const watched = this.#watched.get(id)
    await applyEncodings(transceiver.sender, { source, full, watched, step: this.#cpuStep }).catch(
      () => undefined,
    )
  }
}
