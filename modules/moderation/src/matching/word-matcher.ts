import type { ModerationVerdict } from '@parley/contracts'
import { type Automaton, automatonBytes, buildAutomaton, step } from './automaton.ts'
import { type FoldTable, foldTable, isSpaced } from './fold.ts'
import { LetterRuns, longestGap, maxRun, readRuns } from './letter-runs.ts'
import { isWordLetterAfter, isWordLetterBefore } from './word-boundary.ts'

export interface MatcherWord {
  text: string
  verdict: ModerationVerdict
  /** Which list it comes from; lists that do not apply to a text are named when it is looked at. */
  list: number
  wholeWord: boolean
}

export interface WordMatch {
  /** UTF-16 units of the original text, end excluded. */
  start: number
  end: number
  word: string
  verdict: ModerationVerdict
  list: number
}

interface Candidate {
  word: MatcherWord
  /** Symbols of its letters, and how often each stands in a row; UTF-16 units. */
  key: string
  shapes: string
}

const separates = 0
/** Cannot be part of any word: what began before it ends. */
const breaks = 1
const severalLetters = 2
const firstSymbol = 3
const lastSymbol = 0xffff
const substitutedBit = 0x8000_0000
const maxMatches = 10_000
const verdictOrder: readonly ModerationVerdict[] = ['pass', 'replace', 'review', 'reject']
const wordsBetweenYields = 512

/**
 * Finds words of lists in texts, however they are written: rules MOD-1 to MOD-9. Immutable; `find` runs to its end
 * without waiting, so its scratch memory is shared.
 */
export class WordMatcher {
  readonly #automaton: Automaton
  readonly #table: FoldTable
  readonly #symbolOf: Map<number, number>
  /** What a UTF-16 unit means: `separates`, `breaks`, `severalLetters`, or a symbol. */
  readonly #units: Uint32Array
  /** By symbol: a repeated letter is a typo or meant, not another word of a script without spaces. */
  readonly #spaced: Uint8Array
  /** All texts behind each other, and where each begins. */
  readonly #texts: string
  readonly #textStart: Uint32Array
  /** Lengths of the runs of letters of all words; the top bit where none is written as the letter it counts as. */
  readonly #runs: Uint8Array
  readonly #runStart: Uint32Array
  /** Verdict, whole word at its begin and end, same key as the word before. */
  readonly #flags: Uint8Array
  readonly #list: Uint16Array
  readonly #scratch = new LetterRuns()

  private constructor(
    words: readonly Candidate[],
    automaton: Automaton,
    table: FoldTable,
    symbolOf: Map<number, number>,
  ) {
    this.#automaton = automaton
    this.#table = table
    this.#symbolOf = symbolOf
    this.#spaced = new Uint8Array(symbolOf.size + firstSymbol)
    for (const [point, symbol] of symbolOf) this.#spaced[symbol] = isSpaced(point) ? 1 : 0
    this.#units = unitsOf(table, symbolOf)
    this.#texts = words.map(({ word }) => word.text).join('')
    this.#textStart = new Uint32Array(words.length + 1)
    this.#runStart = new Uint32Array(words.length + 1)
    this.#flags = new Uint8Array(words.length)
    this.#list = new Uint16Array(words.length)
    const runCount = words.reduce((sum, { key }) => sum + key.length, 0)
    this.#runs = new Uint8Array(runCount)
    for (const [index, candidate] of words.entries()) this.#put(index, candidate, words[index - 1]?.key)
  }

  /** How many words are looked for. */
  get size(): number {
    return this.#list.length
  }

  /** Bytes held, texts included, the table of the process left out. */
  get bytes(): number {
    const arrays = [
      this.#units,
      this.#spaced,
      this.#textStart,
      this.#runs,
      this.#runStart,
      this.#flags,
      this.#list,
    ]
    const held = arrays.reduce((sum, array) => sum + array.byteLength, 0)
    return held + automatonBytes(this.#automaton) + this.#texts.length * 2
  }

  /**
   * Builds in steps, so that a caller can let others run between them. Words that fold to nothing, or whose letters
   * would be the 65,533rd and later of all, are left out.
   */
  static *build(words: Iterable<MatcherWord>, options: { leet: boolean }): Generator<void, WordMatcher> {
    const table = foldTable(options.leet)
    const symbolOf = new Map<number, number>()
    const candidates: Candidate[] = []
    const runs = new LetterRuns()
    const never = String.fromCharCode(breaks)
    const symbolFor = (point: number): number => {
      const known = symbolOf.get(point)
      if (known !== undefined) return known
      const next = symbolOf.size + firstSymbol
      if (next > lastSymbol) return breaks
      symbolOf.set(point, next)
      return next
    }
    let taken = 0
    for (const word of words) {
      if (++taken % wordsBetweenYields === 0) yield
      readRuns(word.text, table, symbolFor, runs)
      const key = runs.key()
      if (key !== '' && !key.includes(never)) candidates.push({ word, key, shapes: runs.shapes() })
    }
    const sorted = yield* sortByKey(candidates)
    const automaton = yield* buildAutomaton(
      sorted.map((word) => word.key),
      symbolOf.size + firstSymbol,
    )
    return new WordMatcher(sorted, automaton, table, symbolOf)
  }

  /** All words of the lists that apply, before anything shields or outranks anything; by their end. */
  find(text: string, applies: (list: number) => boolean): WordMatch[] {
    const matches: WordMatch[] = []
    const automaton = this.#automaton
    const units = this.#units
    const runs = this.#scratch
    runs.reset(text.length)
    let node = 0
    let last = 0
    let end = 0
    const finish = (): void => {
      const emits = automaton.emits[node] as number
      if (emits !== 0) this.#collect(emits, text, applies, matches)
    }
    const take = (symbol: number, substituted: boolean, from: number, to: number): void => {
      if (from - end > longestGap) {
        if (last !== 0) finish()
        last = 0
        node = 0
        runs.clear()
      }
      end = to
      if (symbol === last) {
        runs.extend(to, substituted)
        return
      }
      if (last !== 0) finish()
      if (symbol === breaks) {
        last = 0
        node = 0
        runs.clear()
        return
      }
      last = symbol
      node = step(automaton, node, symbol)
      runs.push(symbol, from, to, substituted)
    }
    for (let index = 0; index < text.length; index++) {
      const unit = text.charCodeAt(index)
      const meaning = units[unit] as number
      if (meaning === separates) continue
      if (meaning === breaks) {
        if (last !== 0) finish()
        last = 0
        node = 0
        runs.clear()
        end = index + 1
        continue
      }
      if (meaning !== severalLetters) {
        const substituted = meaning >= substitutedBit
        take(substituted ? (meaning & ~substitutedBit) >>> 0 : meaning, substituted, index, index + 1)
        continue
      }
      const point = text.codePointAt(index) ?? unit
      const to = index + (point > 0xffff ? 2 : 1)
      for (const letter of this.#table.letters(point)) {
        take(this.#symbolOf.get(letter.point) ?? breaks, letter.substituted, index, to)
      }
      index = to - 1
    }
    if (last !== 0) finish()
    return matches
  }

  #put(index: number, { word, key, shapes }: Candidate, keyBefore: string | undefined): void {
    this.#textStart[index + 1] = (this.#textStart[index] ?? 0) + word.text.length
    const start = this.#runStart[index] ?? 0
    this.#runStart[index + 1] = start + key.length
    for (let run = 0; run < key.length; run++) this.#runs[start + run] = shapes.charCodeAt(run)
    const edge = (at: number): boolean => word.wholeWord && this.#spaced[key.charCodeAt(at)] === 1
    this.#flags[index] =
      verdictOrder.indexOf(word.verdict) |
      (edge(0) ? 4 : 0) |
      (edge(key.length - 1) ? 8 : 0) |
      (keyBefore === key ? 16 : 0)
    this.#list[index] = word.list
  }

  #collect(emits: number, text: string, applies: (list: number) => boolean, matches: WordMatch[]): void {
    const { sequence, fail, emits: next } = this.#automaton
    for (let node = emits; node !== 0; node = next[fail[node] as number] as number) {
      const first = (sequence[node] as number) - 1
      for (let word = first; word < this.size; word++) {
        if (word > first && ((this.#flags[word] as number) & 16) === 0) break
        if (matches.length >= maxMatches) return
        if (!applies(this.#list[word] as number)) continue
        const match = this.#verify(word, text)
        if (match !== undefined) matches.push(match)
      }
    }
  }

  /** The last runs of the scratch are the letters of the word; whether they are written as it is. */
  #verify(word: number, text: string): WordMatch | undefined {
    const runs = this.#scratch
    const from = this.#runStart[word] as number
    const length = (this.#runStart[word + 1] as number) - from
    const flags = this.#flags[word] as number
    const atBegin = (flags & 4) !== 0
    const atEnd = (flags & 8) !== 0
    const base = runs.count - length
    let written = false
    for (let index = 0; index < length; index++) {
      const wanted = this.#runs[from + index] as number
      const found = runs.shape(base + index)
      if (wanted >> 7 === found >> 7) written = true
      const most = wanted & maxRun
      const there = found & maxRun
      if (there < most) return undefined
      if (there === most || there >= 3) continue
      // Twice where once is meant makes another word (`god`, `good`); at a loose edge the run is more than the word.
      const loose = (index === 0 && !atBegin) || (index === length - 1 && !atEnd)
      if (!loose && this.#spaced[runs.symbol(base + index)] === 1) return undefined
    }
    if (!written) return undefined
    const start = runs.start(base)
    const end = runs.end(runs.count - 1)
    if (atBegin && isWordLetterBefore(text, start, this.#table)) return undefined
    if (atEnd && isWordLetterAfter(text, end, this.#table)) return undefined
    return {
      start,
      end,
      word: this.#texts.slice(this.#textStart[word], this.#textStart[word + 1]),
      verdict: verdictOrder[flags & 3] ?? 'reject',
      list: this.#list[word] as number,
    }
  }
}

function unitsOf(table: FoldTable, symbolOf: ReadonlyMap<number, number>): Uint32Array {
  const units = new Uint32Array(0x10000)
  for (let unit = 0; unit < units.length; unit++) {
    const letters = table.letters(unit)
    const [only] = letters
    if (unit >= 0xd800 && unit <= 0xdfff) units[unit] = severalLetters
    else if (only === undefined) units[unit] = separates
    else if (letters.length > 1) units[unit] = severalLetters
    else {
      const symbol = symbolOf.get(only.point)
      units[unit] = symbol === undefined ? breaks : (symbol | (only.substituted ? substitutedBit : 0)) >>> 0
    }
  }
  return units
}

/** Sorted piece by piece: all that begin with one symbol at a time. */
function* sortByKey(words: readonly Candidate[]): Generator<void, Candidate[]> {
  const groups = new Map<number, Candidate[]>()
  for (const word of words) {
    const symbol = word.key.charCodeAt(0)
    const group = groups.get(symbol)
    if (group) group.push(word)
    else groups.set(symbol, [word])
  }
  const sorted: Candidate[] = []
  for (const symbol of [...groups.keys()].sort((left, right) => left - right)) {
    const group = groups.get(symbol) ?? []
    group.sort((left, right) => (left.key < right.key ? -1 : left.key > right.key ? 1 : 0))
    for (const word of group) sorted.push(word)
    yield
  }
  return sorted
}
