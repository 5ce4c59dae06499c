import { BlockList, isIP } from 'node:net'

const refused4: readonly [string, number][] = [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  // Carrier-grade NAT; the metadata service of one large cloud lives here.
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  // Link-local, and the metadata service of most clouds.
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.0.2.0', 24],
  ['192.88.99.0', 24],
  ['192.168.0.0', 16],
  ['198.18.0.0', 15],
  ['198.51.100.0', 24],
  ['203.0.113.0', 24],
  ['224.0.0.0', 3],
  // A public number that one cloud answers from inside the host.
  ['168.63.129.16', 32],
]

/** Of global unicast, 2000::/3: what is not, or what carries an IPv4 address through a relay. */
const refused6: readonly [string, number][] = [
  ['2001::', 23],
  ['2001:db8::', 32],
  ['2002::', 16],
  ['3fff::', 20],
]

const closed4 = new BlockList()
for (const [network, prefix] of refused4) closed4.addSubnet(network, prefix, 'ipv4')
const closed6 = new BlockList()
for (const [network, prefix] of refused6) closed6.addSubnet(network, prefix, 'ipv6')
const open6 = new BlockList()
open6.addSubnet('2000::', 3, 'ipv6')

/** The IPv4 address inside `::ffff:a.b.c.d` (RFC 4291) or the NAT64 prefix `64:ff9b::/96` (RFC 6052). */
function embedded4(address: string): string | undefined {
  const groups = groupsOf(address)
  const [first, second] = groups
  const high = groups.slice(0, 6)
  const mapped = high.slice(0, 5).every((group) => group === 0) && high[5] === 0xffff
  const translated = first === 0x64 && second === 0xff9b && high.slice(2).every((group) => group === 0)
  if (!mapped && !translated) return undefined
  const [left = 0, right = 0] = groups.slice(6)
  return `${left >> 8}.${left & 255}.${right >> 8}.${right & 255}`
}

/** The eight 16-bit groups of an IPv6 address as a URL writes it. */
function groupsOf(address: string): number[] {
  const host = new URL(`http://[${address.replace(/%.*$/, '')}]/`).hostname.slice(1, -1)
  const [head = '', tail] = host.split('::')
  const parse = (part: string): number[] =>
    part === '' ? [] : part.split(':').map((group) => Number.parseInt(group, 16))
  const [left, right] = [parse(head), parse(tail ?? '')]
  if (tail === undefined) return left
  return [...left, ...new Array<number>(8 - left.length - right.length).fill(0), ...right]
}

/** The address in the form that rules are written for: IPv4 where it is one in disguise, without a zone. */
export function plainAddress(address: string): string {
  if (isIP(address) !== 6) return address
  return embedded4(address) ?? address.replace(/%.*$/, '')
}

/**
 * True for an address of the public internet. Private, loopback, link-local, shared, multicast, reserved and
 * documentation ranges are not, nor anything that is no address (IANA special-purpose registries, RFC 6890).
 */
export function isPublicAddress(address: string): boolean {
  const plain = plainAddress(address)
  const family = isIP(plain)
  if (family === 4) return !closed4.check(plain, 'ipv4')
  if (family !== 6) return false
  return open6.check(plain, 'ipv6') && !closed6.check(plain, 'ipv6')
}
