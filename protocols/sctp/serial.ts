/** Serial number arithmetic (RFC 1982) of transmission sequence numbers: 32 bits that wrap around. */
export function tsnPlus(tsn: number, step: number): number {
  return (tsn + step) >>> 0
}

/** How far `tsn` is ahead of `other`; 2^31 and more means behind. */
export function tsnDistance(tsn: number, other: number): number {
  return (tsn - other) >>> 0
}

export function tsnAfter(tsn: number, other: number): boolean {
  const distance = tsnDistance(tsn, other)
  return distance > 0 && distance < 0x8000_0000
}

/** The same for stream sequence numbers, which have 16 bits. */
export function ssnAfter(ssn: number, other: number): boolean {
  const distance = (ssn - other) & 0xffff
  return distance > 0 && distance < 0x8000
}
