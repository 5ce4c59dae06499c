import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { foldTable } from './fold.ts'
import { longestGap } from './letter-runs.ts'
import { maskSpans } from './masking.ts'
import { ranked } from './ranking.ts'
import { finish } from './slices.ts'
import { isWordLetterAfter, isWordLetterBefore } from './word-boundary.ts'
import { type MatcherWord, WordMatcher } from './word-matcher.ts'

function word(text: string, given: Partial<MatcherWord> = {}): MatcherWord {
  return { text, verdict: 'reject', list: 0, wholeWord: true, ...given }
}

function matcherOf(words: MatcherWord[], leet = false): WordMatcher {
  return finish(WordMatcher.build(words, { leet }))
}

function found(words: MatcherWord[], text: string, leet = false): string[] {
  return ranked(matcherOf(words, leet).find(text, () => true)).map(({ start, end }) => text.slice(start, end))
}

describe('MOD-1: a word is found however it is written', () => {
  test.each([
    ['another case', 'BadWord', 'badword'],
    ['full width', 'ｂａｄｗｏｒｄ', 'badword'],
    ['mathematical letters', '𝐛𝐚𝐝𝐰𝐨𝐫𝐝', 'badword'],
    ['circled and boxed letters', 'ⓑⓐ🅳ⓦⓞⓡⓓ', 'badword'],
    ['accents', 'bàdwörd', 'badword'],
    ['stacked accents', 'b\u0300\u0301a\u0336d\u0336word', 'badword'],
    ['spaces and dots', 'b a.d-w_o*r d', 'badword'],
    ['zero width', 'bad\u200bwo\u2060rd', 'badword'],
    ['emoji between letters', 'b😀a😀dword', 'badword'],
    ['repeated letters', 'baaaadwooooord', 'badword'],
    ['Cyrillic look-alikes', 'bаdwоrd', 'badword'],
    ['a ligature', 'oﬃcial', 'official'],
    ['Chinese with separators', '坏 东*西', '坏东西'],
    ['traditional for simplified', '壞東西', '坏东西'],
    ['simplified for traditional', '坏东西', '壞東西'],
    ['repeated characters', '坏坏东东西', '坏东西'],
  ])('%s', (_, text, listed) => {
    expect(found([word(listed)], `x ${text} y`)).toEqual([text])
  })
})

test('MOD-2: a whole word is not found inside another, unless the list says so', () => {
  expect(found([word('ass')], 'a class, an assembly, as so, as-set')).toEqual([])
  expect(found([word('ass')], 'an ass!')).toEqual(['ass'])
  expect(found([word('ass', { wholeWord: false })], 'class')).toEqual(['ass'])
  expect(found([word('广告')], '这是广告吗')).toEqual(['广告'])
})

test('MOD-3: three of a letter count as one, two make another word', () => {
  expect(found([word('god')], 'good')).toEqual([])
  expect(found([word('god')], 'gooood')).toEqual(['gooood'])
  expect(found([word('ass')], 'as')).toEqual([])
  expect(found([word('ass')], 'asssss')).toEqual(['asssss'])
})

test('MOD-4: a word wholly in look-alikes of another script is a word of that script', () => {
  expect(found([word('pot')], 'рот')).toEqual([])
  expect(found([word('рот')], 'pot')).toEqual([])
  expect(found([word('рот')], 'рот')).toEqual(['рот'])
  expect(found([word('pot')], 'pоt')).toEqual(['pоt'])
})

test('MOD-5: digits stand for letters only where the list says so', () => {
  expect(found([word('elite')], 'e1it3')).toEqual([])
  expect(found([word('elite')], 'el1t3', true)).toEqual(['el1t3'])
  expect(found([word('sos')], '505', true)).toEqual([])
})

test('MOD-6: allowed words shield what they cover, and nothing more', () => {
  const words = [word('坏'), word('坏处', { verdict: 'pass' })]
  expect(found(words, '坏处')).toEqual([])
  expect(found(words, '坏处和坏人')).toEqual(['坏'])
})

test('MOD-7: the most severe comes first, then the longest', () => {
  const words = [
    word('one', { verdict: 'replace' }),
    word('one two', { verdict: 'replace' }),
    word('two', { verdict: 'review' }),
  ]
  expect(found(words, 'one two')).toEqual(['two', 'one two', 'one'])
})

test('MOD-8: a mask keeps the number of graphemes', () => {
  const text = 'x b\u0300a😀d y'
  const [match] = matcherOf([word('bad')]).find(text, () => true)
  expect(match).toMatchObject({ start: 2, end: text.length - 2 })
  expect(maskSpans(text, match ? [match] : [])).toBe('x **** y')
})

test('letters too far apart are no word', () => {
  expect(found([word('坏人')], `坏${' '.repeat(longestGap)}人`)).toHaveLength(1)
  expect(found([word('坏人')], `坏${' '.repeat(longestGap + 1)}人`)).toEqual([])
})

test('lists that do not apply are passed over', () => {
  const matcher = matcherOf([word('bad', { list: 0 }), word('bad', { list: 1, verdict: 'review' })])
  expect(matcher.find('bad', (list) => list === 1)).toMatchObject([{ list: 1, verdict: 'review' }])
})

test('words of nothing but separators are left out', () => {
  expect(matcherOf([word('!!'), word('😀'), word('a')]).size).toBe(1)
})

interface Run {
  point: number
  length: number
  substituted: boolean
  start: number
  end: number
}

/** The rules written down once more without an automaton: each word at each place. */
function naive(words: MatcherWord[], text: string): string[] {
  const table = foldTable(false)
  const runsOf = (value: string): Run[] => {
    const runs: Run[] = []
    let at = 0
    for (const char of value) {
      for (const { point, substituted } of table.letters(char.codePointAt(0) ?? 0)) {
        const last = runs.at(-1)
        if (last?.point === point && at - last.end <= longestGap) {
          last.length++
          last.end = at + char.length
          last.substituted &&= substituted
        } else runs.push({ point, length: 1, substituted, start: at, end: at + char.length })
      }
      at += char.length
    }
    return runs
  }
  const spaced = (point: number): boolean =>
    /[\p{Script=Latin}\p{Script=Greek}\p{Script=Cyrillic}\p{Script=Armenian}\p{Nd}]/u.test(
      String.fromCodePoint(point),
    )
  const there = runsOf(text)
  const answers: string[] = []
  for (const listed of words) {
    const wanted = runsOf(listed.text)
    const [head, tail] = [wanted[0], wanted.at(-1)]
    if (!head || !tail) continue
    for (let from = 0; from + wanted.length <= there.length; from++) {
      const runs = there.slice(from, from + wanted.length)
      const strictStart = listed.wholeWord && spaced(head.point)
      const strictEnd = listed.wholeWord && spaced(tail.point)
      const fits = runs.every((run, index) => {
        const want = wanted[index]
        const before = runs[index - 1]
        if (!want || run.point !== want.point || run.length < want.length) return false
        if (before && run.start - before.end > longestGap) return false
        if (run.length === want.length || run.length >= 3 || !spaced(run.point)) return true
        return (index === 0 && !strictStart) || (index === wanted.length - 1 && !strictEnd)
      })
      if (!fits || !runs.some((run, index) => run.substituted === wanted[index]?.substituted)) continue
      const [start, end] = [runs[0]?.start ?? 0, runs.at(-1)?.end ?? 0]
      if (strictStart && isWordLetterBefore(text, start, table)) continue
      if (strictEnd && isWordLetterAfter(text, end, table)) continue
      answers.push(`${start}-${end} ${listed.text} ${listed.list}`)
    }
  }
  return answers.sort()
}

const letters = [
  'a',
  'b',
  'B',
  'с',
  'c',
  'а',
  '坏',
  '壞',
  '东',
  '人',
  ' ',
  '.',
  '\u200b',
  '😀',
  'á',
  'ﬁ',
  'i',
  'f',
  '1',
  '𝐛',
]

test('MOD-9: the automaton finds exactly what each word at each place finds', () => {
  const piece = fc.constantFrom(...letters)
  const words = fc.array(
    fc.record({
      text: fc.array(piece, { minLength: 1, maxLength: 4 }).map((pieces) => pieces.join('')),
      verdict: fc.constantFrom('pass' as const, 'replace' as const, 'review' as const, 'reject' as const),
      list: fc.nat(2),
      wholeWord: fc.boolean(),
    }),
    { maxLength: 12 },
  )
  const text = fc.array(fc.oneof({ weight: 20, arbitrary: piece }, fc.constant(' '.repeat(17))), {
    maxLength: 40,
  })
  fc.assert(
    fc.property(words, text, (listed, pieces) => {
      const given = pieces.join('')
      const matches = matcherOf(listed).find(given, () => true)
      const answers = matches.map(({ start, end, word: at, list }) => `${start}-${end} ${at} ${list}`).sort()
      expect(answers).toEqual(naive(listed, given))
    }),
    { numRuns: 3_000 },
  )
})

test('any text is looked at without an error, and a mask never grows it', () => {
  const matcher = matcherOf([word('a', { wholeWord: false, verdict: 'replace' }), word('坏人')])
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 200 }), (text) => {
      const matches = matcher.find(text, () => true)
      const masked = maskSpans(text, matches)
      expect(masked.length).toBeLessThanOrEqual(text.length)
    }),
  )
})
