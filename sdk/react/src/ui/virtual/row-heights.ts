/**
 * Heights of the rows of a long list, of which few are known, and where each row stands. All operations but `assign`
 * take logarithmic time, so that a list of 100,000 rows costs what a short one does.
 */
export class RowHeights {
  readonly #known = new Map<string, number>()
  #keys: readonly string[] = []
  #heights = new Float64Array(0)
  /** Fenwick tree over the heights. */
  #tree = new Float64Array(1)
  #knownSum = 0
  readonly #guess: number

  /** `guess` is the height of a row before any was measured, in pixels. */
  constructor(guess: number) {
    this.#guess = guess
  }

  get count(): number {
    return this.#keys.length
  }

  get total(): number {
    return this.top(this.#keys.length)
  }

  /** The rows are these now; what was measured stays with its key. */
  assign(keys: readonly string[]): void {
    this.#keys = keys
    const estimate = this.estimate
    const { length } = keys
    this.#heights = new Float64Array(length)
    const tree = new Float64Array(length + 1)
    for (let index = 0; index < length; index++) {
      const height = this.#known.get(keys[index] ?? '') ?? estimate
      this.#heights[index] = height
      tree[index + 1] = height
    }
    for (let place = 1; place <= length; place++) {
      const above = place + (place & -place)
      if (above <= length) tree[above] = (tree[above] ?? 0) + (tree[place] ?? 0)
    }
    this.#tree = tree
  }

  /** What a row that was never seen is taken for. */
  get estimate(): number {
    return this.#known.size > 0 ? this.#knownSum / this.#known.size : this.#guess
  }

  /** Takes a measured height; answers whether anything moves by it. */
  measure(key: string, index: number, height: number): boolean {
    const before = this.#known.get(key)
    this.#known.set(key, height)
    this.#knownSum += height - (before ?? 0)
    if (this.#keys[index] !== key) return false
    const by = height - (this.#heights[index] ?? 0)
    if (Math.abs(by) < 0.01) return false
    this.#heights[index] = height
    for (let place = index + 1; place < this.#tree.length; place += place & -place) {
      this.#tree[place] = (this.#tree[place] ?? 0) + by
    }
    return true
  }

  /** Distance from the top of the list to the top of a row. */
  top(index: number): number {
    let sum = 0
    for (let place = Math.min(index, this.#keys.length); place > 0; place -= place & -place) {
      sum += this.#tree[place] ?? 0
    }
    return sum
  }

  /** The row at a distance from the top; the last one beyond the end. */
  at(distance: number): number {
    let place = 0
    let left = distance
    for (let step = 2 ** Math.floor(Math.log2(this.#tree.length)); step >= 1; step /= 2) {
      const next = place + step
      if (next < this.#tree.length && (this.#tree[next] ?? 0) <= left) {
        place = next
        left -= this.#tree[next] ?? 0
      }
    }
    return Math.max(0, Math.min(place, this.#keys.length - 1))
  }
}
