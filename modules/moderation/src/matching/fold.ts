import { simplifiedOf } from './chinese-pairs.ts'
import { enclosedAlphabets, leetDigits, lookAlikes } from './look-alikes.ts'

/** One letter that a code point counts as. */
export interface Letter {
  /** Folded code point. */
  point: number
  /** It only looks like the letter it counts as. */
  substituted: boolean
}

const separator = /[\p{P}\p{S}\p{Z}\p{C}]/u
/** Letters by their category, but nothing is seen of them; and the Arabic stretch. */
const invisible = new Set([0x115f, 0x1160, 0x3164, 0xffa0, 0x0640])
const spaced = /[\p{Script=Latin}\p{Script=Greek}\p{Script=Cyrillic}\p{Script=Armenian}\p{Nd}]/u

/**
 * What a code point counts as: compatibility forms (NFKD, so width, ligatures and circled letters) and case are folded,
 * accents dropped, traditional Chinese becomes simplified, look-alikes become Latin. Empty for what separates: spaces,
 * punctuation, symbols, emoji and what is not seen at all.
 */
export function fold(point: number, options: { leet: boolean }): Letter[] {
  const enclosed = enclosedLetter(point)
  if (enclosed !== undefined) return [{ point: enclosed, substituted: false }]
  if (point >= 0xac00 && point <= 0xd7a3) return [{ point, substituted: false }]
  const text = String.fromCodePoint(point).normalize('NFKD').toUpperCase().toLowerCase().normalize('NFKD')
  const letters: Letter[] = []
  for (const char of text) {
    const plain = char.codePointAt(0) ?? 0
    if (isDropped(plain) || separator.test(char)) continue
    const simplified = simplifiedOf.get(plain) ?? plain
    const letter = lookAlikes.get(simplified) ?? (options.leet ? leetDigits.get(simplified) : undefined)
    letters.push({ point: letter ?? simplified, substituted: letter !== undefined })
  }
  return letters
}

/** Whether words of the letter's script are kept apart by spaces, so that a whole word can be told. */
export function isSpaced(point: number): boolean {
  return spaced.test(String.fromCodePoint(point))
}

function enclosedLetter(point: number): number | undefined {
  const first = enclosedAlphabets.find((start) => point >= start && point < start + 26)
  return first === undefined ? undefined : 0x61 + point - first
}

/** Accents and selectors of variants, as far as they make no other letter. Vowel signs and kana marks do. */
function isDropped(point: number): boolean {
  return (
    (point >= 0x300 && point <= 0x36f) ||
    (point >= 0x1ab0 && point <= 0x1aff) ||
    (point >= 0x1dc0 && point <= 0x1dff) ||
    (point >= 0x20d0 && point <= 0x20ff) ||
    (point >= 0xfe00 && point <= 0xfe0f) ||
    (point >= 0xfe20 && point <= 0xfe2f) ||
    (point >= 0xe0100 && point <= 0xe01ef) ||
    invisible.has(point)
  )
}

const planeSize = 0x10000
const substitutedBit = 0x8000_0000
const cacheLimit = 50_000

/** Answers of `fold` kept at hand: a table for the first plane, a bounded cache for the rest. */
export class FoldTable {
  readonly leet: boolean
  /** 0: separates; 1: several letters; else the folded code point, with the top bit where it is a look-alike. */
  readonly #plane = new Uint32Array(planeSize)
  readonly #several = new Map<number, Letter[]>()
  readonly #beyond = new Map<number, Letter[]>()

  constructor(leet: boolean) {
    this.leet = leet
    for (let point = 0; point < planeSize; point++) {
      // Ideographs stand for themselves, but for the pairs: asking for each of them would double the time this takes.
      const ideograph = point >= 0x4e00 && point <= 0x9fff
      const letters = ideograph
        ? [{ point: simplifiedOf.get(point) ?? point, substituted: false }]
        : fold(point, { leet })
      const [only] = letters
      if (only === undefined) continue
      if (letters.length === 1)
        this.#plane[point] = (only.point | (only.substituted ? substitutedBit : 0)) >>> 0
      else {
        this.#plane[point] = 1
        this.#several.set(point, letters)
      }
    }
  }

  letters(point: number): readonly Letter[] {
    if (point >= planeSize) return this.#beyondPlane(point)
    const value = this.#plane[point] ?? 0
    if (value === 0) return none
    if (value === 1) return this.#several.get(point) ?? none
    return [{ point: (value & ~substitutedBit) >>> 0, substituted: (value & substitutedBit) !== 0 }]
  }

  #beyondPlane(point: number): readonly Letter[] {
    const known = this.#beyond.get(point)
    if (known) return known
    const letters = fold(point, { leet: this.leet })
    if (this.#beyond.size >= cacheLimit) this.#beyond.clear()
    this.#beyond.set(point, letters)
    return letters
  }
}

const none: readonly Letter[] = []
const tables: { plain?: FoldTable; leet?: FoldTable } = {}

/** The table of the process, made at its first use. */
export function foldTable(leet: boolean): FoldTable {
  if (leet) {
    tables.leet ??= new FoldTable(true)
    return tables.leet
  }
  tables.plain ??= new FoldTable(false)
  return tables.plain
}
