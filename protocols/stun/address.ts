import { ProtocolViolation } from '../violation.ts'

export type TransportAddress = {
  readonly family: 4 | 6
  /** Textual IPv4, or IPv6 in the form of RFC 5952. */
  readonly address: string
  readonly port: number
}

/** Four or sixteen network-order bytes as text. */
export function formatAddress(bytes: Uint8Array): string {
  if (bytes.length === 4) return bytes.join('.')
  const groups = Array.from({ length: 8 }, (_, index) => {
    return ((bytes[index * 2] ?? 0) << 8) | (bytes[index * 2 + 1] ?? 0)
  })
  let longestStart = -1
  let longestLength = 1
  for (let start = 0; start < 8; start++) {
    let length = 0
    while (start + length < 8 && groups[start + length] === 0) length++
    if (length > longestLength) {
      longestStart = start
      longestLength = length
    }
  }
  const hex = (part: number[]) => part.map((group) => group.toString(16)).join(':')
  if (longestStart < 0) return hex(groups)
  return `${hex(groups.slice(0, longestStart))}::${hex(groups.slice(longestStart + longestLength))}`
}

/** Text to network-order bytes: 4 for IPv4, 16 for IPv6. A scope id or a name is a ProtocolViolation. */
export function parseAddress(text: string): Uint8Array {
  const bytes = text.includes(':') ? parseV6(text) : parseV4(text)
  if (!bytes) throw new ProtocolViolation('stun', `not an IP address: ${text.slice(0, 64)}`)
  return bytes
}

function parseV4(text: string): Uint8Array | undefined {
  const parts = text.split('.')
  if (parts.length !== 4) return undefined
  const bytes = new Uint8Array(4)
  for (const [index, part] of parts.entries()) {
    if (!/^\d{1,3}$/.test(part) || Number(part) > 255) return undefined
    bytes[index] = Number(part)
  }
  return bytes
}

function parseV6(text: string): Uint8Array | undefined {
  const halves = text.split('::')
  if (halves.length > 2) return undefined
  const [head, tail] = halves.map((half) => (half === '' ? [] : parseGroups(half.split(':'))))
  if (!head || (halves.length === 2 && !tail)) return undefined
  const missing = 8 - head.length - (tail?.length ?? 0)
  if (halves.length === 2 ? missing < 1 : missing !== 0) return undefined
  const groups = [...head, ...new Array<number>(missing).fill(0), ...(tail ?? [])]
  const bytes = new Uint8Array(16)
  for (const [index, group] of groups.entries()) {
    bytes[index * 2] = group >> 8
    bytes[index * 2 + 1] = group & 0xff
  }
  return bytes
}

function parseGroups(parts: string[]): number[] | undefined {
  const groups: number[] = []
  for (const [index, part] of parts.entries()) {
    if (index === parts.length - 1 && part.includes('.')) {
      const embedded = parseV4(part)
      if (!embedded) return undefined
      const [a = 0, b = 0, c = 0, d = 0] = embedded
      groups.push((a << 8) | b, (c << 8) | d)
    } else if (/^[0-9a-fA-F]{1,4}$/.test(part)) {
      groups.push(Number.parseInt(part, 16))
    } else {
      return undefined
    }
  }
  return groups
}
