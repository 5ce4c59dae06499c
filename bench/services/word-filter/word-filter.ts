import { finish, type MatcherWord, WordMatcher } from '@parley/moderation/matching'

export interface WordFilterMeasurement {
  words: number
  textBytes: number
  /** Megabytes of UTF-8 a second. */
  ours: number
  /** A loop of `includes` over all words. */
  includes: number
  /** One regular expression of all words. */
  expression: number
  /** What is held once compiled, as the matcher counts it. Bytes. */
  matcherBytes: number
  compileMs: number
}

/** Numbers that look random and are the same at every run (mulberry32). */
function numbers(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
}

function pick(random: () => number, from: number, to: number): number {
  return from + Math.floor(random() * (to - from + 1))
}

function latin(random: () => number, length: number): string {
  const letters = 'eeeetttaaaooiinnsshhrrddlluucmwfgypbvkjxqz'
  return Array.from({ length }, () => letters[Math.floor(random() * letters.length)]).join('')
}

function chinese(random: () => number, length: number): string {
  // The squared number makes some characters common, as in real texts.
  return Array.from({ length }, () => String.fromCharCode(0x4e00 + Math.floor(random() ** 2 * 6_000))).join(
    '',
  )
}

function wordsOf(count: number): string[] {
  const random = numbers(1)
  const words = new Set<string>()
  while (words.size < count) {
    words.add(words.size % 2 === 0 ? latin(random, pick(random, 5, 12)) : chinese(random, pick(random, 2, 5)))
  }
  return [...words]
}

/** Messages in both scripts with a listed word in one of fifty. */
function textsOf(words: readonly string[], count: number): string[] {
  const random = numbers(2)
  return Array.from({ length: count }, () => {
    const pieces: string[] = []
    for (let piece = pick(random, 5, 25); piece > 0; piece--) {
      pieces.push(random() < 0.5 ? latin(random, pick(random, 2, 9)) : chinese(random, pick(random, 2, 8)))
    }
    if (random() < 0.02) pieces.push(words[Math.floor(random() * words.length)] ?? '')
    return pieces.join(' ')
  })
}

function rate(texts: readonly string[], budgetMs: number, look: (text: string) => unknown): number {
  const startMs = performance.now()
  let bytes = 0
  for (let index = 0; performance.now() - startMs < budgetMs; index++) {
    const text = texts[index % texts.length] ?? ''
    look(text)
    bytes += Buffer.byteLength(text)
  }
  return bytes / 1e6 / ((performance.now() - startMs) / 1_000)
}

/** The word filter with 100,000 words, half of them Chinese, beside two naive filters. */
export function measureWordFilter(
  options: { words?: number; budgetMs?: number } = {},
): WordFilterMeasurement {
  const { words: count = 100_000, budgetMs = 3_000 } = options
  const words = wordsOf(count)
  const texts = textsOf(words, 2_000)
  const listed = words.map((text): MatcherWord => ({ text, verdict: 'reject', list: 0, wholeWord: true }))
  // Once for the tables of the process.
  finish(WordMatcher.build(listed.slice(0, 10), { leet: false }))
  const startMs = performance.now()
  const matcher = finish(WordMatcher.build(listed, { leet: false }))
  const compileMs = performance.now() - startMs
  const applies = (): boolean => true
  for (const text of texts) matcher.find(text, applies)
  const ours = rate(texts, budgetMs, (text) => matcher.find(text, applies))
  const includes = rate(texts, budgetMs, (text) => {
    const lower = text.toLowerCase()
    return words.filter((word) => lower.includes(word))
  })
  const expression = new RegExp(words.join('|'), 'giu')
  // Compiled at its first use.
  expression.test('')
  const byExpression = rate(texts, budgetMs, (text) => text.match(expression))
  return {
    words: count,
    textBytes: texts.reduce((sum, text) => sum + Buffer.byteLength(text), 0),
    ours,
    includes,
    expression: byExpression,
    matcherBytes: matcher.bytes,
    compileMs,
  }
}

/** Lines for people. */
export function reportWordFilter(measured: WordFilterMeasurement): string {
  const { words, ours, includes, expression, matcherBytes, compileMs } = measured
  const times = (naive: number): string => `${Math.round(ours / naive).toLocaleString('en')} x`
  return [
    `| Filter with ${words.toLocaleString('en')} words | MB/s | Parley is |`,
    '|---|---|---|',
    `| Parley | ${ours.toFixed(1)} | |`,
    `| loop of \`includes\` | ${includes.toFixed(4)} | ${times(includes)} as fast |`,
    `| one regular expression | ${expression.toFixed(4)} | ${times(expression)} as fast |`,
    '',
    `Memory ${(matcherBytes / 1e6).toFixed(1)} MB; compiled in ${Math.round(compileMs)} ms.`,
  ].join('\n')
}
