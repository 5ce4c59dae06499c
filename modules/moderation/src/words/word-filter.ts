import type { ModerationVerdict, ModerationWord, WordList } from '@parley/contracts'
import { inSlices, type MatcherWord, maskSpans, ranked, severest, WordMatcher } from '../matching/index.ts'

export interface FoundWord {
  word: string
  listId: string
  verdict: ModerationVerdict
  start: number
  end: number
}

export interface FilteredText {
  verdict: ModerationVerdict
  /** With every word to be replaced behind a mask. */
  text: string
  /** The most severe first. */
  found: FoundWord[]
}

/** All word lists of a project at one moment, ready to be used. Immutable. */
export class WordFilter {
  readonly #lists: readonly WordList[]
  readonly #matchers: readonly WordMatcher[]

  private constructor(lists: readonly WordList[], matchers: readonly WordMatcher[]) {
    this.#lists = lists
    this.#matchers = matchers
  }

  /** Compiles a few milliseconds at a time, so that the process goes on meanwhile. */
  static async compile(
    all: readonly { list: WordList; words: readonly ModerationWord[] }[],
    signal?: AbortSignal,
  ): Promise<WordFilter> {
    const matchers: WordMatcher[] = []
    for (const leet of [false, true]) {
      const words: MatcherWord[] = []
      for (const [index, { list, words: given }] of all.entries()) {
        if (list.leet !== leet) continue
        for (const { text, verdict = list.verdict } of given) {
          words.push({ text, verdict, list: index, wholeWord: list.wholeWords })
        }
      }
      if (words.length > 0) matchers.push(await inSlices(WordMatcher.build(words, { leet }), signal))
    }
    return new WordFilter(
      all.map(({ list }) => list),
      matchers,
    )
  }

  /** Looks at a text as it would stand in a conversation of the type; absent: lists for all types only. */
  filter(text: string, conversationType: string | undefined): FilteredText {
    if (this.#matchers.length === 0) return { verdict: 'pass', text, found: [] }
    const applies = (index: number): boolean => {
      const scope = this.#lists[index]?.scope ?? 'all'
      return scope === 'all' || (conversationType !== undefined && scope.includes(conversationType))
    }
    const matches = ranked(this.#matchers.flatMap((matcher) => matcher.find(text, applies)))
    const replaced = matches.filter((match) => match.verdict === 'replace')
    return {
      verdict: severest(matches.map((match) => match.verdict)),
      text: maskSpans(text, replaced),
      found: matches.map(({ list, ...match }) => ({ ...match, listId: this.#lists[list]?.id ?? '' })),
    }
  }
}
