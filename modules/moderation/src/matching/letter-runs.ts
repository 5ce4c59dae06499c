import type { FoldTable } from './fold.ts'

/** Between two letters of a word; more UTF-16 units that separate end it. */
export const longestGap = 16
/** Longer runs count as this long. */
export const maxRun = 127

/** Letters of a text, each with how often it stands there in a row and where; columns that grow. */
export class LetterRuns {
  count = 0
  #symbols = new Uint16Array(0)
  #starts = new Uint32Array(0)
  #ends = new Uint32Array(0)
  /** Length up to `maxRun`, and the top bit while every letter of it is a look-alike. */
  #shapes = new Uint8Array(0)

  /** Empties, and makes room for the runs of a text of so many UTF-16 units. */
  reset(units: number): void {
    this.count = 0
    // A unit can fold into several letters; the longest such form has 18.
    if (this.#symbols.length < units + 32) this.#grow(units + 32)
  }

  clear(): void {
    this.count = 0
  }

  push(symbol: number, start: number, end: number, substituted: boolean): void {
    const index = this.count++
    if (index >= this.#symbols.length) this.#grow(index * 2 + 32)
    this.#symbols[index] = symbol
    this.#starts[index] = start
    this.#ends[index] = end
    this.#shapes[index] = substituted ? 129 : 1
  }

  /** One more of the last letter. */
  extend(end: number, substituted: boolean): void {
    const index = this.count - 1
    const shape = this.shape(index)
    const length = Math.min(maxRun, (shape & maxRun) + 1)
    this.#ends[index] = end
    this.#shapes[index] = length | (substituted ? shape & 128 : 0)
  }

  symbol(index: number): number {
    return this.#symbols[index] as number
  }

  start(index: number): number {
    return this.#starts[index] as number
  }

  end(index: number): number {
    return this.#ends[index] as number
  }

  shape(index: number): number {
    return this.#shapes[index] as number
  }

  /** The symbols as a string of UTF-16 units. */
  key(): string {
    let key = ''
    for (let index = 0; index < this.count; index++) key += String.fromCharCode(this.symbol(index))
    return key
  }

  /** The shapes as a string of UTF-16 units. */
  shapes(): string {
    let shapes = ''
    for (let index = 0; index < this.count; index++) shapes += String.fromCharCode(this.shape(index))
    return shapes
  }

  #grow(size: number): void {
    this.#symbols = grown(this.#symbols, new Uint16Array(size))
    this.#starts = grown(this.#starts, new Uint32Array(size))
    this.#ends = grown(this.#ends, new Uint32Array(size))
    this.#shapes = grown(this.#shapes, new Uint8Array(size))
  }
}

function grown<T extends Uint8Array | Uint16Array | Uint32Array>(from: T, to: T): T {
  to.set(from)
  return to
}

/** Reads the runs of a whole word into `runs`; `symbolOf` names the symbol of a folded code point. */
export function readRuns(
  word: string,
  table: FoldTable,
  symbolOf: (point: number) => number,
  runs: LetterRuns,
): void {
  runs.reset(word.length)
  let last = 0
  let at = 0
  while (at < word.length) {
    const point = word.codePointAt(at) ?? 0
    const end = at + (point > 0xffff ? 2 : 1)
    for (const letter of table.letters(point)) {
      const symbol = symbolOf(letter.point)
      if (symbol === last) runs.extend(end, letter.substituted)
      else runs.push(symbol, at, end, letter.substituted)
      last = symbol
    }
    at = end
  }
}
