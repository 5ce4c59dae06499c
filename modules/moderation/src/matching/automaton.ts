/** Sequences of symbols, as an Aho-Corasick automaton in typed arrays: about 17 bytes a node. */
export interface Automaton {
  /** Children of node n are the nodes from `first[n]` up to `first[n + 1]`, by symbol. */
  readonly first: Uint32Array
  /** Symbol on the way into a node. */
  readonly symbol: Uint16Array
  readonly fail: Uint32Array
  /** First sequence that ends in a node, in the order given, plus one; 0: none. */
  readonly sequence: Uint32Array
  /** The nearest node along the failure links, itself included, where a sequence ends; 0: none. */
  readonly emits: Uint32Array
  /** Children of the root, by symbol. */
  readonly rootChild: Uint32Array
}

const stepsBetweenYields = 4_096

/**
 * Builds from sequences in ascending order, given as strings of symbols (one UTF-16 unit each, from 2 up). Yields now
 * and then, so that the caller can let others run.
 */
export function* buildAutomaton(sequences: readonly string[], symbols: number): Generator<void, Automaton> {
  let capacity = 1
  for (const sequence of sequences) capacity += sequence.length
  const first = new Uint32Array(capacity + 1)
  const symbol = new Uint16Array(capacity)
  const sequence = new Uint32Array(capacity)
  const from = new Uint32Array(capacity)
  const to = new Uint32Array(capacity)
  const depth = new Uint16Array(capacity)
  let count = 1
  to[0] = sequences.length
  for (let node = 0; node < count; node++) {
    if (node % stepsBetweenYields === 0) yield
    first[node] = count
    const level = at(depth, node)
    const end = at(to, node)
    let next = at(from, node)
    // Shorter ones come first: what ends here stands in front.
    if (next < end && sequences[next]?.length === level && level > 0) sequence[node] = next + 1
    while (next < end && sequences[next]?.length === level) next++
    while (next < end) {
      const unit = sequences[next]?.charCodeAt(level) ?? 0
      let last = next + 1
      while (last < end && sequences[last]?.charCodeAt(level) === unit) last++
      symbol[count] = unit
      from[count] = next
      to[count] = last
      depth[count] = level + 1
      count++
      next = last
    }
  }
  first[count] = count
  const built = {
    first: first.slice(0, count + 1),
    symbol: symbol.slice(0, count),
    fail: new Uint32Array(count),
    sequence: sequence.slice(0, count),
    emits: new Uint32Array(count),
    rootChild: new Uint32Array(symbols),
  }
  yield* link(built)
  return built
}

function* link(automaton: Automaton): Generator<void, void> {
  const { first, symbol, fail, sequence, emits, rootChild } = automaton
  for (let child = at(first, 0); child < at(first, 1); child++) rootChild[at(symbol, child)] = child
  for (let node = 0; node < symbol.length; node++) {
    if (node % stepsBetweenYields === 0) yield
    if (node > 0) emits[node] = at(sequence, node) > 0 ? node : at(emits, at(fail, node))
    if (node === 0) continue
    for (let child = at(first, node); child < at(first, node + 1); child++) {
      fail[child] = step(automaton, at(fail, node), at(symbol, child))
    }
  }
}

/** The node after another symbol. */
export function step(automaton: Automaton, from: number, unit: number): number {
  const { first, symbol, fail, rootChild } = automaton
  let node = from
  while (node !== 0) {
    let low = at(first, node)
    let high = at(first, node + 1) - 1
    while (low <= high) {
      const middle = (low + high) >>> 1
      const found = at(symbol, middle)
      if (found === unit) return middle
      if (found < unit) low = middle + 1
      else high = middle - 1
    }
    node = at(fail, node)
  }
  return at(rootChild, unit)
}

/** Bytes held. */
export function automatonBytes(automaton: Automaton): number {
  return Object.values(automaton).reduce(
    (sum: number, part: Uint32Array | Uint16Array) => sum + part.byteLength,
    0,
  )
}

function at(array: Uint32Array | Uint16Array, index: number): number {
  return array[index] as number
}
