import type { Jieba } from '@node-rs/jieba'

const longestWord = 64
const mostWords = 4_000
const mostAskedWords = 16
const runs = /\p{Script=Han}+|[\p{L}\p{N}\p{M}]+/gu
const han = /^\p{Script=Han}/u

/** Cuts a run of Chinese into words; those inside longer words come along. */
export type ChineseCutter = (run: string) => string[]

let loading: Promise<ChineseCutter> | undefined

/**
 * The dictionary takes a quarter of a second and some memory, so it is read when the first Chinese text comes. Where its
 * native part is missing, characters and pairs of them are all there is, which finds the same and some more.
 */
export function chineseCutter(): Promise<ChineseCutter> {
  loading ??= load().catch(() => () => [])
  return loading
}

async function load(): Promise<ChineseCutter> {
  const [{ Jieba: Cutter }, { dict }] = await Promise.all([
    import('@node-rs/jieba'),
    import('@node-rs/jieba/dict.js'),
  ])
  const jieba: Jieba = Cutter.withDict(dict)
  return (run) => jieba.cutForSearch(run, true)
}

/** Width, case and compatible forms make no difference. */
function normalised(text: string): string {
  return text.normalize('NFKC').toLowerCase()
}

export function hasChinese(text: string): boolean {
  return /\p{Script=Han}/u.test(text)
}

/** Everything a text is found by. */
export function wordsOf(text: string, cut: ChineseCutter): string[] {
  const words = new Set<string>()
  for (const [run] of normalised(text).matchAll(runs)) {
    if (words.size > mostWords) break
    if (!han.test(run)) {
      words.add(bounded(run))
      continue
    }
    for (const word of cut(run)) words.add(bounded(word))
    for (const gram of gramsOf(run)) words.add(gram)
  }
  return [...words]
}

/** What was asked for: words that all have to be there. */
export interface AskedWord {
  readonly word: string
  /** Other ways in which it is written down: all pairs of its characters. */
  readonly grams: readonly string[]
  /** The last one may be unfinished. */
  readonly prefix: boolean
}

export function askedWords(text: string, cut: ChineseCutter): AskedWord[] {
  const asked: AskedWord[] = []
  const whole = normalised(text)
  for (const match of whole.matchAll(runs)) {
    const [run] = match
    if (!han.test(run)) {
      asked.push({ word: bounded(run), grams: [], prefix: match.index + run.length === whole.length })
      continue
    }
    // The longest words that make up the run; with shorter ones inside them nothing more is asked.
    const parts = cut(run).filter(
      (word, _index, all) => !all.some((other) => other !== word && other.includes(word)),
    )
    for (const word of parts.length > 0 ? parts : [run]) {
      asked.push({ word: bounded(word), grams: pairsOf(word), prefix: false })
    }
  }
  return asked.slice(0, mostAskedWords)
}

/** A text query of PostgreSQL: every word, or every pair of its characters, and one of the places. */
export function textQuery(asked: readonly AskedWord[], places: readonly string[]): string {
  const terms = asked.map(({ word, grams, prefix }) => {
    const exact = `${quoted(word)}${prefix ? ':*' : ''}`
    return grams.length === 0 ? exact : `(${exact} | (${grams.map(quoted).join(' & ')}))`
  })
  return `${terms.join(' & ')} & (${places.map(quoted).join(' | ')})`
}

function quoted(lexeme: string): string {
  return `'${lexeme.replaceAll('\\', '\\\\').replaceAll("'", "''")}'`
}

function bounded(word: string): string {
  return word.length <= longestWord ? word : [...word].slice(0, longestWord / 2).join('')
}

function gramsOf(run: string): string[] {
  return [...new Set([...run, ...pairsOf(run)])]
}

function pairsOf(run: string): string[] {
  const characters = [...run]
  return characters.slice(1).map((character, index) => `${characters[index]}${character}`)
}
