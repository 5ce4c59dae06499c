import type { NetworkLevels } from '@parley/contracts'

/** A room where very many change tells the rest a little later. */
const mostAtOnce = 100

/** How well each participant of a room is connected, as they report it, and what of that is news. */
export class NetworkLevelBoard {
  readonly #levels = new Map<string, NetworkLevels>()
  readonly #news = new Set<string>()

  /** Takes a report; what is no level from 1 to 5 is passed over. */
  note(participantId: string, { uplinkLevel, downlinkLevel }: Record<string, number>): void {
    if (!isLevel(uplinkLevel) || !isLevel(downlinkLevel)) return
    const before = this.#levels.get(participantId)
    if (before?.uplink === uplinkLevel && before.downlink === downlinkLevel) return
    this.#levels.set(participantId, { participantId, uplink: uplinkLevel, downlink: downlinkLevel })
    this.#news.add(participantId)
  }

  forget(participantId: string): void {
    this.#levels.delete(participantId)
    this.#news.delete(participantId)
  }

  /** What is known of those named. */
  of(participantIds: Iterable<string>): NetworkLevels[] {
    return [...participantIds].flatMap((id) => this.#levels.get(id) ?? [])
  }

  /** Takes the news of those `isShown`; of others it stays news. */
  takeNews(isShown: (participantId: string) => boolean): NetworkLevels[] {
    const ids = [...this.#news].filter(isShown).slice(0, mostAtOnce)
    for (const id of ids) this.#news.delete(id)
    return this.of(ids)
  }
}

function isLevel(level: number | undefined): level is number {
  return level !== undefined && Number.isInteger(level) && level >= 1 && level <= 5
}
