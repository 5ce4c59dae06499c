import { createSocket } from 'node:dgram'
import { BlockList, isIP, isIPv6 } from 'node:net'
import { networkInterfaces } from 'node:os'
import { optionalString, readSettings, secret } from '@parley/core/kernel'
import { type Check, type Finding, fine, lacking, problem } from './finding.ts'

const settings = {
  mediaAddresses: optionalString('PARLEY_MEDIA_ADDRESSES', 'Local IP addresses for media, by commas'),
  publicAddress: optionalString(
    'PARLEY_PUBLIC_ADDRESS',
    'IP addresses under which clients reach the media ports',
  ),
  turnUrls: optionalString('PARLEY_TURN_URLS', 'TURN servers for clients, by commas'),
  turnSecret: secret('PARLEY_TURN_SECRET', 'Shared secret of the TURN servers'),
} as const

const echoTimeoutMs = 1_000

/** Ranges that only the same machine or the same network reaches (RFC 1918, 4193, 6598, loopback, link-local). */
const privateRanges = new BlockList()
for (const [network, prefix] of [
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.168.0.0', 16],
] as const) {
  privateRanges.addSubnet(network, prefix, 'ipv4')
}
for (const [network, prefix] of [
  ['::1', 128],
  ['fc00::', 7],
  ['fe80::', 10],
] as const) {
  privateRanges.addSubnet(network, prefix, 'ipv6')
}

/** Why media would not flow: addresses nobody can reach, UDP that does not pass, TURN without its secret. */
export const checkMedia: Check = async ({ installation }) => {
  const { mediaAddresses, publicAddress, turnUrls, turnSecret } = readSettings(settings, installation.source)
  const local = mediaAddresses === undefined ? localAddresses() : split(mediaAddresses)
  return [
    await checkUdp(local),
    checkReach(local, publicAddress === undefined ? [] : split(publicAddress)),
    ...checkTurn(turnUrls, turnSecret),
  ]
}

async function checkUdp(addresses: readonly string[]): Promise<Finding> {
  const name = 'Media UDP'
  const silent: string[] = []
  for (const address of addresses) if (!(await echoes(address))) silent.push(address)
  if (silent.length === 0) return fine(name, `datagrams pass on ${addresses.join(', ')}`)
  const mend = 'Look for a firewall on this machine, or name the addresses to use: PARLEY_MEDIA_ADDRESSES'
  return problem(name, `no datagram passes on ${silent.join(', ')}`, mend)
}

function checkReach(local: readonly string[], outside: readonly string[]): Finding {
  const name = 'Media address'
  const broken = outside.filter((address) => isIP(address) === 0)
  if (broken.length > 0) {
    return problem(
      name,
      `PARLEY_PUBLIC_ADDRESS: ${broken.join(', ')} is no IP address`,
      'Give the address, not a name',
    )
  }
  const announced = outside.length > 0 ? outside : local
  const reachable = announced.filter((address) => !isPrivate(address))
  if (reachable.length > 0) return fine(name, `clients are told ${announced.join(', ')}`)
  return lacking(
    name,
    `clients are told ${announced.join(', ')}, which only this network reaches`,
    'For clients elsewhere set PARLEY_PUBLIC_ADDRESS to the address that reaches this machine',
  )
}

function checkTurn(urls: string | undefined, key: string | undefined): Finding[] {
  const name = 'TURN'
  if (urls === undefined && key === undefined) {
    return [fine(name, 'none; clients whose network blocks UDP use TCP to the media port')]
  }
  if (urls !== undefined && key !== undefined) return [fine(name, urls)]
  const missing = urls === undefined ? 'PARLEY_TURN_URLS' : 'PARLEY_TURN_SECRET'
  return [problem(name, `${missing} is missing, so clients get no credentials`, `Set ${missing} as well`)]
}

/** Sends a datagram from a socket of the address to itself. */
function echoes(address: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createSocket(isIPv6(address) ? 'udp6' : 'udp4')
    const finish = (passed: boolean): void => {
      clearTimeout(timer)
      socket.close(() => resolve(passed))
    }
    const timer = setTimeout(() => finish(false), echoTimeoutMs)
    socket.once('error', () => finish(false))
    socket.once('message', () => finish(true))
    socket.bind({ address, port: 0, exclusive: true }, () => {
      socket.send('parley', socket.address().port, address, (error) => error && finish(false))
    })
  })
}

function localAddresses(): string[] {
  const all = Object.values(networkInterfaces()).flatMap((list) => list ?? [])
  const usable = all.filter(({ address }) => !/^fe80:/i.test(address))
  const outside = usable.filter(({ internal }) => !internal)
  return (outside.length > 0 ? outside : usable).map(({ address }) => address)
}

const split = (list: string): string[] => list.split(',').map((address) => address.trim())

const isPrivate = (address: string): boolean =>
  privateRanges.check(address, isIPv6(address) ? 'ipv6' : 'ipv4')
