/**
 * Packs sequence numbers (oldest first; they may wrap) into pairs of a first number and a bitmask of the sixteen
 * that follow it (RFC 4585 section 6.2.1).
 */
export function packNack(sequenceNumbers: readonly number[]): [number, number][] {
  const pairs: [number, number][] = []
  for (const sequenceNumber of sequenceNumbers) {
    const open = pairs.at(-1)
    const distance = open ? (sequenceNumber - open[0]) & 0xffff : 0
    if (open && distance <= 16) {
      if (distance > 0) open[1] |= 1 << (distance - 1)
    } else {
      pairs.push([sequenceNumber, 0])
    }
  }
  return pairs
}

/** The sequence numbers a list of pairs stands for. */
export function unpackNack(pairs: readonly (readonly [number, number])[]): number[] {
  const sequenceNumbers: number[] = []
  for (const [first, following] of pairs) {
    sequenceNumbers.push(first)
    for (let bit = 0; bit < 16; bit++) {
      if (following & (1 << bit)) sequenceNumbers.push((first + bit + 1) & 0xffff)
    }
  }
  return sequenceNumbers
}
