import { isStorableText, type ModerationVerdict, type ModerationWord, maxWordLength } from '@parley/contracts'
import { foldTable } from '../matching/fold.ts'

/** Whether any letter is left of the word once it is folded. */
export function holdsLetters(word: string): boolean {
  const table = foldTable(false)
  for (const char of word) if (table.letters(char.codePointAt(0) ?? 0).length > 0) return true
  return false
}

/** Words of a text, one a line; empty lines are nothing, lines that are no word are counted. */
export function wordsOfLines(
  lines: string,
  verdict: ModerationVerdict | undefined,
): { words: ModerationWord[]; skipped: number } {
  const words: ModerationWord[] = []
  let skipped = 0
  for (const line of lines.split(/\r\n|\n|\r/)) {
    const text = line.trim()
    if (text === '') continue
    if (text.length > maxWordLength || !isStorableText(text) || !holdsLetters(text)) skipped++
    else words.push({ text, ...(verdict && { verdict }) })
  }
  return { words, skipped }
}
