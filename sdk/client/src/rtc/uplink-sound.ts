import type { Section } from './publish-connection.ts'
import type { PublishedLayer, RoomStatistics } from './statistics.ts'
import { type SoundSending, UplinkRedundancy } from './uplink-redundancy.ts'

/** Applies what `UplinkRedundancy` decides to the sound that is sent. */
export class UplinkSound {
  readonly #policies = new WeakMap<Section, UplinkRedundancy>()
  readonly #applied = new WeakMap<Section, SoundSending>()

  /** True: the length of packets has changed, which takes a negotiation. */
  update(sections: readonly Section[], statistics: RoomStatistics): boolean {
    let isRepacked = false
    for (const section of sections) {
      const layer = statistics.published.find(({ publicationId }) => publicationId === section.publicationId)
      const isKnown = section.publicationId !== undefined && layer?.loss !== undefined
      if (section.kind !== 'audio' || !section.live || !isKnown) continue
      const policy = this.#policies.get(section) ?? new UplinkRedundancy()
      this.#policies.set(section, policy)
      const sending = policy.update({
        loss: lossBeforeRepair(layer),
        roundTripMs: layer.roundTripMs,
        availableKbps: statistics.availableUplinkKbps,
        nowMs: statistics.atMs,
      })
      const before = this.#applied.get(section)
      this.#applied.set(section, sending)
      if (sending.depth !== before?.depth) section.redundancy?.setDepth(sending.depth)
      // What a screen plays is music, whose bitrate is the point of it.
      if (section.source !== 'microphone') continue
      const maxBitrate = bitrateOf(section, sending)
      if (before === undefined ? maxBitrate !== undefined : maxBitrate !== bitrateOf(section, before)) {
        void limit(section, maxBitrate)
      }
      if (sending.packetMs !== section.packetMs) {
        section.packetMs = sending.packetMs
        isRepacked = true
      }
    }
    return isRepacked
  }
}

/** Without redundancy nothing has to fit into a packet beside a frame. */
function bitrateOf({ redundancy }: Section, { maxBitrate, packetMs }: SoundSending): number | undefined {
  return redundancy !== undefined || packetMs > 20 ? maxBitrate : undefined
}

/** What was sent again and arrived counts as received in the server's reports; before that it was lost. */
function lossBeforeRepair({ loss = 0, resent }: PublishedLayer): number {
  return Math.min(1, (loss + resent) / (1 + resent))
}

async function limit({ transceiver: { sender } }: Section, maxBitrate: number | undefined): Promise<void> {
  const parameters = sender.getParameters()
  const [encoding] = parameters.encodings
  if (encoding === undefined) return
  if (maxBitrate === undefined) delete encoding.maxBitrate
  else encoding.maxBitrate = maxBitrate
  // A sender that has ended meanwhile needs no limit.
  await sender.setParameters(parameters).catch(() => undefined)
}
