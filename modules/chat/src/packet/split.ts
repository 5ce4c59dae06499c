import { randomInt } from 'node:crypto'

/** Shares that add up to the amount, none empty: equal ones differ by at most one unit. */
export function splitEqually(amount: number, shares: number): number[] {
  const base = Math.floor(amount / shares)
  return Array.from({ length: shares }, (_, index) => base + (index < amount % shares ? 1 : 0))
}

/**
 * Shares that add up to the amount, none empty, each drawn up to twice the mean of what is left, so that no place in
 * the order is better than another.
 */
export function splitRandomly(
  amount: number,
  shares: number,
  draw: (max: number) => number = (max) => randomInt(max),
): number[] {
  const drawn: number[] = []
  let left = amount
  for (let open = shares; open > 1; open--) {
    const most = Math.min(left - (open - 1), Math.max(1, Math.floor((2 * left) / open) - 1))
    const share = 1 + draw(most)
    drawn.push(share)
    left -= share
  }
  return [...drawn, left]
}
