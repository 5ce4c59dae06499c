import { createHash } from 'node:crypto'
import type { ConnectionOptions, TlsOptions } from 'node:tls'
import type { MasterKey } from '@parley/core/secrets'

export type LinkKeys = Pick<MasterKey, 'derive' | 'deriveAll'>

const label = 'rtc room links'
/** Forward secret, and authenticated by the shared key alone (RFC 7905). */
const suite = {
  ciphers: 'ECDHE-PSK-CHACHA20-POLY1305',
  minVersion: 'TLSv1.2',
  maxVersion: 'TLSv1.2',
} as const

/** TLS by a key that whoever has the master key can derive: it proves each end to the other, without certificates. */
export function serverTls(keys: LinkKeys): TlsOptions {
  return {
    ...{ ...suite, handshakeTimeout: 5_000 },
    // While the master key is rotated the other end may have the older one still.
    pskCallback: (_, identity) => keys.deriveAll(label).find((key) => nameOf(key) === identity) ?? null,
  }
}

/** The other end of `serverTls`. */
export function clientTls(keys: LinkKeys): ConnectionOptions {
  return {
    ...suite,
    pskCallback: () => {
      const psk = keys.derive(label)
      return { psk, identity: nameOf(psk) }
    },
    // There is no certificate: the key says who it is.
    checkServerIdentity: () => undefined,
  }
}

const nameOf = (key: Buffer): string => createHash('sha256').update(key).digest('hex').slice(0, 16)
