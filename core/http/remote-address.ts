import type { IncomingMessage } from 'node:http'
import { isIP } from 'node:net'

/**
 * The address a request comes from. With `trustedProxyHops` proxies in front, each of which appends the address
 * it saw to X-Forwarded-For, it is the entry that the outermost of them wrote; everything left of it is hearsay.
 */
export function remoteAddress(incoming: IncomingMessage, trustedProxyHops: number): string {
  const direct = plainAddress(incoming.socket.remoteAddress ?? '')
  if (trustedProxyHops === 0) return direct
  const forwarded = [incoming.headers['x-forwarded-for'] ?? []].flat().join(',').split(',')
  const entry = plainAddress((forwarded.at(-trustedProxyHops) ?? '').trim())
  return isIP(entry) === 0 ? direct : entry
}

/** The name under which limits count an address: IPv6 by its /64, as a single customer owns at least that. */
export function addressGroup(address: string): string {
  if (isIP(address) !== 6) return address
  const [head = '', tail = ''] = address.split('::')
  const front = head === '' ? [] : head.split(':')
  const back = tail === '' ? [] : tail.split(':')
  const zeros = address.includes('::') ? Math.max(0, 8 - front.length - back.length) : 0
  const groups = [...front, ...Array<string>(zeros).fill('0'), ...back]
  const prefix = groups.slice(0, 4).map((group) => Number.parseInt(group, 16).toString(16))
  return `${prefix.join(':')}::/64`
}

export function isLoopback(address: string): boolean {
  return address === '::1' || address.startsWith('127.')
}

function plainAddress(address: string): string {
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)
  return (mapped?.[1] ?? address).replace(/%.*$/, '')
}
