import type { AudioLevel } from '@parley/fastpath'
import type { Publication } from './publication.ts'

/** Levels in -dBov (RFC 6464): 0 is loudest, 127 silence. */
const silence = 127
const startsSpeaking = 45
const stopsSpeaking = 55
/** Who is forwarded keeps the place against one that is louder by less than this. */
const incumbentBonus = 6

export interface Speaker {
  participantId: string
  /** 0 silent to 1. */
  level: number
}

/** Who speaks in a room, and whose microphone is among the loudest. `look()` is called at a steady pace. */
export class Speakers {
  readonly #limit: number
  readonly #heard = new Map<Publication, number>()
  readonly #loudness = new Map<Publication, number>()
  readonly #speaking = new Set<Publication>()
  #told = '[]'

  /** @param limit how many microphones are forwarded at once */
  constructor(limit: number) {
    this.#limit = limit
  }

  hear(publication: Publication, { level }: AudioLevel): void {
    this.#heard.set(publication, Math.min(level, this.#heard.get(publication) ?? silence))
  }

  forget(publication: Publication): void {
    this.#heard.delete(publication)
    this.#loudness.delete(publication)
    this.#speaking.delete(publication)
  }

  /** Opens and shuts microphones, and answers the speakers, loudest first, when that is news. */
  look(voices: Iterable<Publication>): Speaker[] | undefined {
    const audible: Publication[] = []
    for (const voice of voices) {
      this.#measure(voice)
      if (!voice.muted) audible.push(voice)
      else this.#speaking.delete(voice)
    }
    this.#heard.clear()
    this.#gate(audible)
    return this.#news()
  }

  #measure(voice: Publication): void {
    const before = this.#loudness.get(voice) ?? silence
    const heard = this.#heard.get(voice) ?? silence
    // Rises at once, falls slowly: pauses between words are no silence.
    const loudness = heard < before ? heard : Math.round(before * 0.6 + heard * 0.4)
    this.#loudness.set(voice, loudness)
    if (loudness <= startsSpeaking) this.#speaking.add(voice)
    else if (loudness > stopsSpeaking) this.#speaking.delete(voice)
  }

  #gate(audible: Publication[]): void {
    const rank = (voice: Publication): number =>
      (this.#loudness.get(voice) ?? silence) - (voice.loudEnough ? incumbentBonus : 0)
    const ranked = audible.length <= this.#limit ? audible : audible.sort((a, b) => rank(a) - rank(b))
    for (const [index, voice] of ranked.entries()) voice.setLoudEnough(index < this.#limit)
  }

  #news(): Speaker[] | undefined {
    const byParticipant = new Map<string, number>()
    for (const voice of this.#speaking) {
      const level = Math.round((1 - (this.#loudness.get(voice) ?? silence) / silence) * 20) / 20
      const { id } = voice.owner
      byParticipant.set(id, Math.max(level, byParticipant.get(id) ?? 0))
    }
    const speakers = [...byParticipant]
      .map(([participantId, level]) => ({ participantId, level }))
      .sort((a, b) => b.level - a.level || (a.participantId < b.participantId ? -1 : 1))
    const told = JSON.stringify(speakers)
    if (told === this.#told) return undefined
    this.#told = told
    return speakers
  }
}
