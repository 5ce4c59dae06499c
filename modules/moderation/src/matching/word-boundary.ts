import { type FoldTable, isSpaced } from './fold.ts'

/** Marks and what is not seen belong to the letter before them. */
const attached = /[\p{M}\p{Cf}]/u

/** Whether a letter or digit of a script with spaces stands right before the place. */
export function isWordLetterBefore(text: string, index: number, table: FoldTable): boolean {
  let at = index
  while (at > 0) {
    const low = text.charCodeAt(at - 1)
    const pair = low >= 0xdc00 && low <= 0xdfff && at > 1
    const point = text.codePointAt(pair ? at - 2 : at - 1) ?? 0
    if (!attached.test(String.fromCodePoint(point))) return isWordLetter(point, table)
    at -= pair ? 2 : 1
  }
  return false
}

/** Whether a letter or digit of a script with spaces stands right behind the place. */
export function isWordLetterAfter(text: string, index: number, table: FoldTable): boolean {
  let at = index
  while (at < text.length) {
    const point = text.codePointAt(at) ?? 0
    if (!attached.test(String.fromCodePoint(point))) return isWordLetter(point, table)
    at += point > 0xffff ? 2 : 1
  }
  return false
}

function isWordLetter(point: number, table: FoldTable): boolean {
  return table.letters(point).some((letter) => isSpaced(letter.point))
}
