import { chmodSync, existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { hostname, networkInterfaces } from 'node:os'
import { join } from 'node:path'
import type { Logger, Scope } from '@parley/core/kernel'
import {
  CertificateError,
  certificateFacts,
  checkCertificate,
  type KeyedCertificate,
  keyToPem,
  newKey,
  plainAddress,
  readKey,
  renewalTime,
} from './certificate.ts'
import type { ServedCertificate } from './served-certificate.ts'
import { selfSignedCertificate } from './x509.ts'

const dayMs = 86_400_000
/** The longest that Apple's systems take, even for what a user trusts by hand. */
const lifeMs = 825 * dayMs
const earlierMs = dayMs
const checkEveryMs = 3_600_000
const maxNames = 100

export interface SelfSignedOptions {
  dataDir: string
  /** Host names and addresses beside those of the machine. */
  names: readonly string[]
}

/** Where the certificate stands for whoever is to trust it. */
export function selfSignedPath(dataDir: string): string {
  return join(dataDir, 'tls', 'self-signed.pem')
}

/**
 * The kept certificate, or a new one when there is none, when two thirds of its life are over, or when this machine
 * has an address that it does not name. The key stays the same, for whoever pins it.
 */
export function ensureSelfSigned(options: SelfSignedOptions, now = new Date()): KeyedCertificate {
  const certificatePath = selfSignedPath(options.dataDir)
  const keyPath = join(options.dataDir, 'tls', 'self-signed.key')
  mkdirSync(join(options.dataDir, 'tls'), { recursive: true, mode: 0o700 })
  const wanted = new Set([...machineNames(), ...options.names.map(plainAddress)])
  const kept = readKept(certificatePath, keyPath)
  if (kept !== undefined && isGood(kept, wanted, now)) return kept
  // A laptop between two networks needs one certificate for both.
  const earlier = kept === undefined ? [] : certificateFacts(kept.certificate).names.map(plainAddress)
  const names = [...new Set([...wanted, ...earlier])].slice(0, maxNames)
  const key = kept === undefined ? newKey() : readKey(kept.key)
  const made = {
    certificate: selfSignedCertificate({
      commonName: `Parley on ${hostname()}`,
      names,
      key,
      notBefore: new Date(now.getTime() - earlierMs),
      notAfter: new Date(now.getTime() - earlierMs + lifeMs),
    }),
    key: keyToPem(key),
  }
  // The key first: a crash in between leaves a certificate that does not fit, and that is made anew.
  write(keyPath, made.key, 0o600)
  write(certificatePath, made.certificate, 0o644)
  return made
}

/** Keeps what is served good for the addresses of the machine, and young. Ends with the scope. */
export function followMachine(
  served: ServedCertificate,
  options: SelfSignedOptions & { scope: Scope; logger: Logger },
): void {
  options.scope.every('self-signed certificate', checkEveryMs, () => {
    const kept = ensureSelfSigned(options)
    if (kept.certificate === served.chain) return
    const { fingerprint, notAfter } = served.replace(kept)
    options.logger.warn(
      { fingerprint, notAfter },
      'the self-signed certificate is a new one; clients must trust it',
    )
  })
}

/** `localhost`, the host name, and every address of this machine. */
function machineNames(): string[] {
  const addresses = Object.values(networkInterfaces())
    .flatMap((entries) => entries ?? [])
    // A link-local address means nothing without its interface.
    .filter(({ address }) => !/^fe80:/i.test(address))
    .map(({ address }) => plainAddress(address))
  const host = hostname().toLowerCase()
  const hosts = /^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$/.test(host)
    ? [host, ...(host.includes('.') ? [] : [`${host}.local`])]
    : []
  return ['localhost', ...hosts, '127.0.0.1', '::1', ...addresses]
}

function isGood(kept: KeyedCertificate, wanted: ReadonlySet<string>, now: Date): boolean {
  const facts = certificateFacts(kept.certificate)
  const named = new Set(facts.names.map(plainAddress))
  return now >= facts.notBefore && now < renewalTime(facts) && [...wanted].every((name) => named.has(name))
}

function readKept(certificatePath: string, keyPath: string): KeyedCertificate | undefined {
  if (!existsSync(certificatePath) || !existsSync(keyPath)) return undefined
  const kept = { certificate: readFileSync(certificatePath, 'utf8'), key: readFileSync(keyPath, 'utf8') }
  try {
    checkCertificate(kept)
    return kept
  } catch (error) {
    if (error instanceof CertificateError) return undefined
    throw error
  }
}

function write(path: string, content: string, mode: number): void {
  writeFileSync(`${path}.new`, content, { mode, flush: true })
  chmodSync(`${path}.new`, mode)
  renameSync(`${path}.new`, path)
}
