import { isIP, isIPv6 } from 'node:net'
import { networkInterfaces } from 'node:os'
import { ConfigError } from '@parley/core/kernel'

/** Where media is received, and under which addresses clients are told to send it. */
export interface MediaAddresses {
  local: readonly string[]
  announced: readonly string[]
}

export interface MediaAddressOptions {
  /** Local addresses by commas; all when absent. */
  local: string | undefined
  /** Addresses of a 1:1 NAT by commas; they take the place of the local ones of their family. */
  publicAddress: string | undefined
  /** Use loopback too: for development and tests on one machine. */
  loopback: boolean
}

/** @throws ConfigError for what is no IP address. */
export function mediaAddresses(options: MediaAddressOptions): MediaAddresses {
  const local =
    options.local === undefined
      ? interfaceAddresses(options.loopback)
      : readList('PARLEY_MEDIA_ADDRESSES', options.local)
  const outside =
    options.publicAddress === undefined ? [] : readList('PARLEY_PUBLIC_ADDRESS', options.publicAddress)
  const replaced = (address: string): boolean =>
    !isLoopback(address) && outside.some((other) => isIPv6(other) === isIPv6(address))
  return { local, announced: [...outside, ...local.filter((address) => !replaced(address))] }
}

function interfaceAddresses(loopback: boolean): string[] {
  const found = Object.values(networkInterfaces()).flatMap((list) => list ?? [])
  // Link-local addresses need a zone, which candidates cannot carry.
  const usable = found.filter(({ address }) => !/^fe80:/i.test(address))
  const outside = usable.filter(({ internal }) => !internal).map(({ address }) => address)
  const inside = usable.filter(({ internal }) => internal).map(({ address }) => address)
  return loopback || outside.length === 0 ? [...outside, ...inside] : outside
}

function readList(name: string, list: string): string[] {
  const addresses = list.split(',').map((address) => address.trim().replace(/^\[(.*)\]$/, '$1'))
  for (const address of addresses) {
    if (isIP(address) === 0) throw new ConfigError(`${name}: ${JSON.stringify(address)} is not an IP address`)
  }
  return addresses
}

function isLoopback(address: string): boolean {
  return address === '::1' || address.startsWith('127.')
}
