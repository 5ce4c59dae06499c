import type { Section } from './publish-connection.ts'
import type { RoomStatistics } from './statistics.ts'

/**
 * Stops senders whose frames leave without having been sealed. Browsers have been seen to lose a transform that was
 * attached in time; then the frames pass as they are, and no event says so.
 */
export class SealWatch {
  readonly #suspected = new WeakSet<Section>()

  look(sections: readonly Section[], { published }: RoomStatistics): void {
    for (const section of sections) {
      if (!section.live || section.sealing !== undefined) continue
      const sent = published.some(
        ({ publicationId, kbps }) => publicationId === section.publicationId && kbps > 0,
      )
      if (!sent) continue
      // The word of the first sealed frame may be on its way.
      if (!this.#suspected.has(section)) this.#suspected.add(section)
      else void section.transceiver.sender.replaceTrack(null)
    }
  }
}
