import { lookup } from 'node:dns/promises'
import { BlockList, isIP } from 'node:net'
import { ConfigError } from '@parley/core/kernel'
import { isPublicAddress, plainAddress } from './address-rules.ts'

/** Looks a host name up. The system's by default. */
export interface Resolver {
  /** All addresses, the preferred first. Throws when there are none. */
  resolve(host: string): Promise<string[]>
}

export const systemResolver: Resolver = {
  resolve: async (host) => (await lookup(host, { all: true })).map(({ address }) => address),
}

/** Why a call must not be made: the place is not on the public internet, nor allowed by name. */
export class ForbiddenPlaceError extends Error {
  override readonly name = 'ForbiddenPlaceError'
}

export interface OutgoingGuardOptions {
  resolver?: Resolver
  /** Host names, addresses and CIDR ranges, separated by commas, that may be reached though they are not public. */
  allow?: string | undefined
  allowLoopback: boolean
}

/** Decides where calls on behalf of customers may go. The address it answers is the one to connect to. */
export class OutgoingGuard {
  readonly #resolver: Resolver
  readonly #names = new Set<string>()
  readonly #networks = new BlockList()

  /** Throws a ConfigError when the allow list holds what is neither a name, an address nor a range. */
  constructor({ resolver = systemResolver, allow = '', allowLoopback }: OutgoingGuardOptions) {
    this.#resolver = resolver
    if (allowLoopback) for (const range of ['127.0.0.0/8', '::1/128']) this.#allow(range)
    for (const entry of allow.split(',')) if (entry.trim() !== '') this.#allow(entry.trim().toLowerCase())
  }

  /** The addresses to connect to, in order. Throws ForbiddenPlaceError when one of them is out of bounds. */
  async addressesOf(url: URL): Promise<string[]> {
    const host = hostOf(url)
    const addresses = isIP(host) === 0 ? await this.#resolver.resolve(host) : [host]
    if (addresses.length === 0) throw new Error(`${host} has no address`)
    // One address out of bounds condemns the name: whoever mixes them waits for the wrong one to be taken.
    const refused = addresses.find((address) => !this.#mayReach(host, address))
    if (refused !== undefined) throw new ForbiddenPlaceError(`${host} is not a public address`)
    return addresses
  }

  /** Whether a URL is out of bounds whatever names resolve to: for an early answer to whoever writes it down. */
  refusesLiteral(url: URL): boolean {
    const host = hostOf(url)
    return isIP(host) !== 0 && !this.#mayReach(host, host)
  }

  #mayReach(host: string, address: string): boolean {
    if (isPublicAddress(address) || this.#names.has(host)) return true
    const plain = plainAddress(address)
    const family = isIP(plain)
    return family !== 0 && this.#networks.check(plain, family === 4 ? 'ipv4' : 'ipv6')
  }

  #allow(entry: string): void {
    const [address = '', prefix, ...rest] = entry.split('/')
    const family = isIP(address)
    const width = family === 4 ? 32 : 128
    if (family === 0) {
      if (prefix !== undefined || !/^[a-z0-9]([a-z0-9._-]*[a-z0-9])?$/.test(entry)) throw notAPlace(entry)
      this.#names.add(entry)
      return
    }
    const bits = prefix === undefined ? width : Number(prefix)
    if (rest.length > 0 || !Number.isInteger(bits) || bits < 0 || bits > width) throw notAPlace(entry)
    this.#networks.addSubnet(address, bits, family === 4 ? 'ipv4' : 'ipv6')
  }
}

function hostOf(url: URL): string {
  return url.hostname.replace(/^\[|\]$/g, '').replace(/\.$/, '')
}

function notAPlace(entry: string): ConfigError {
  return new ConfigError(`PARLEY_WEBHOOKS_ALLOW: ${entry} is neither a host name, an address nor a range`)
}
