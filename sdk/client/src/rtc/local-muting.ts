import { ParleyError } from '../parley-error.ts'
import type { LocalPublication } from './local-publication.ts'

export interface LocalMutingOptions {
  sendMuted: (publicationId: string, muted: boolean) => Promise<unknown>
  /** Captures again what was captured for it. */
  recapture: (publication: LocalPublication) => Promise<void>
  /** Nothing is captured for it any more. */
  onAsleep: (publication: LocalPublication) => void
  onChanged: (publication: LocalPublication) => void
}

/** Mutes publications, and tells the server. Its owner sees to it that one change runs at a time. */
export class LocalMuting {
  readonly #options: LocalMutingOptions

  constructor(options: LocalMutingOptions) {
    this.#options = options
  }

  async apply(publication: LocalPublication, muted: boolean): Promise<void> {
    const stopsCapturing = publication.isOwned && publication.source === 'camera'
    setMuted(publication, muted)
    this.#options.onChanged(publication)
    if (!stopsCapturing) {
      publication.setEnabled(!muted)
      return
    }
    if (muted) {
      // The light of a camera must go out when its owner says off.
      publication.captured.stop()
      this.#options.onAsleep(publication)
      await publication.section.transceiver.sender.replaceTrack(null)
      return
    }
    try {
      await this.#options.recapture(publication)
    } catch (error) {
      setMuted(publication, true)
      throw error
    } finally {
      this.#options.onChanged(publication)
    }
  }

  /** A server that is away is told after the next join. */
  async tell(publication: LocalPublication): Promise<void> {
    const { id, muted } = publication
    if (publication.toldMuted === muted) return
    try {
      await this.#options.sendMuted(id, muted)
      publication.toldMuted = muted
    } catch (error) {
      const isAway = error instanceof ParleyError && (error.retryable || error.code === 'closed')
      if (!isAway) throw error
    }
  }
}

/** Nothing is captured for it until it is unmuted. */
export function isAsleep({ muted, isOwned, source }: LocalPublication): boolean {
  return muted && isOwned && source === 'camera'
}

function setMuted(publication: LocalPublication, muted: boolean): void {
  publication.muted = muted
  publication.section.muted = muted
}
