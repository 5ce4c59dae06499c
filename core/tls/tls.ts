import { isIP } from 'node:net'
import type { Bus } from '@parley/core/bus'
import type { Jobs } from '@parley/core/jobs'
import { ConfigError, type Logger, type Scope } from '@parley/core/kernel'
import type { Metrics } from '@parley/core/metrics'
import type { MasterKey } from '@parley/core/secrets'
import type { Database } from '@parley/core/store'
import { AcmeCertificate, type AcmeTimes } from './acme/acme-certificate.ts'
import { AcmeStore } from './acme/acme-store.ts'
import { CertificateError, type KeyedCertificate, keyToPem, newKey } from './certificate.ts'
import { followCertificateFiles, readCertificateFiles } from './certificate-files.ts'
import { tlsMigrations } from './migrations.ts'
import { PlainListener } from './plain-listener.ts'
import { ensureSelfSigned, followMachine, selfSignedPath } from './self-signed.ts'
import { type CreateServer, createPlainServer, ServedCertificate } from './served-certificate.ts'
import type { TlsSettings } from './settings.ts'
import { selfSignedCertificate } from './x509.ts'

export interface TlsOptions {
  settings: TlsSettings
  dataDir: string
  /** Addresses under which clients come; their hosts are named by a self-signed certificate. */
  addresses: readonly (string | undefined)[]
  database: Database
  bus: Bus
  jobs: Jobs
  masterKey: MasterKey
  metrics: Metrics
  logger: Logger
  scope: Scope
  times?: Partial<AcmeTimes & { pollMs: number }>
}

type Source =
  | { kind: 'files'; certificateFile: string; keyFile: string }
  | { kind: 'self-signed' }
  | { kind: 'acme'; directoryUrl: string; domains: readonly string[] }

const letsEncrypt = 'https://acme-v02.api.letsencrypt.org/directory'
const pollMs = 2_000
const acmePort = 80
const provisionalMs = 7 * 86_400_000

/** TLS at the doors of a process: which certificate they show, and how it stays good. Ends with its scope. */
export class Tls {
  readonly #options: TlsOptions
  readonly #source: Source | undefined
  readonly #served: ServedCertificate | undefined
  readonly #acme: AcmeCertificate | undefined
  readonly #store: AcmeStore | undefined

  private constructor(
    options: TlsOptions,
    parts:
      | { source: Source; served: ServedCertificate; acme?: AcmeCertificate; store?: AcmeStore }
      | undefined,
  ) {
    this.#options = options
    this.#source = parts?.source
    this.#served = parts?.served
    this.#acme = parts?.acme
    this.#store = parts?.store
    const served = parts?.served
    if (served === undefined) return
    options.metrics.gauge({
      name: 'tls_certificate_expires_at_seconds',
      help: 'When the certificate that is served expires, in seconds since 1970',
      read: () => served.facts.notAfter.getTime() / 1_000,
    })
  }

  /** Finds or makes the first certificate. Throws a ConfigError for settings and files that cannot be served. */
  static async open(given: TlsOptions): Promise<Tls> {
    const options = { ...given, logger: given.logger.child({ part: 'tls' }), scope: given.scope.child('tls') }
    const { settings, logger, scope } = options
    const source = sourceOf(settings)
    await options.database.migrate(tlsMigrations)
    if (source === undefined) return new Tls(options, undefined)
    switch (source.kind) {
      case 'files': {
        const served = serve(() => readCertificateFiles(source), 'PARLEY_TLS_CERT, PARLEY_TLS_KEY')
        followCertificateFiles(served, { ...source, scope, logger, pollMs: options.times?.pollMs ?? pollMs })
        tell(served, 'certificate files', logger)
        return new Tls(options, { source, served })
      }
      case 'self-signed': {
        const machine = { dataDir: options.dataDir, names: hostsOf(options.addresses) }
        const served = serve(() => ensureSelfSigned(machine), 'PARLEY_TLS=self-signed')
        followMachine(served, { ...machine, scope, logger })
        tell(served, selfSignedPath(options.dataDir), logger)
        return new Tls(options, { source, served })
      }
      case 'acme': {
        const store = new AcmeStore(options)
        const acme = new AcmeCertificate({
          ...{ store, bus: options.bus, jobs: options.jobs, logger, scope },
          ...{ directoryUrl: source.directoryUrl, domains: source.domains },
          email: settings.acmeEmail,
          binding: bindingOf(settings),
          timeoutMs: settings.acmeTimeoutMs,
          ...(options.times && { times: options.times }),
        })
        const stored = await acme.stored()
        const served = serve(() => stored ?? provisional(source.domains), 'PARLEY_TLS=acme')
        if (stored === undefined) {
          logger.warn({ domains: source.domains }, 'a provisional certificate is served until one is issued')
        } else tell(served, 'ACME', logger)
        return new Tls(options, { source, served, acme, store })
      }
    }
  }

  get scheme(): 'http' | 'https' {
    return this.#served === undefined ? 'http' : 'https'
  }

  /** Makes the servers behind the doors. */
  get createServer(): CreateServer {
    return this.#served?.createServer ?? createPlainServer
  }

  /** The host under which the certificate is best known: the first domain of ACME. */
  get host(): string | undefined {
    return this.#source?.kind === 'acme' ? this.#source.domains[0] : undefined
  }

  /** What is served; undefined without TLS. */
  get served(): ServedCertificate | undefined {
    return this.#served
  }

  /** For people: how a client gets to trust this. */
  get advice(): string | undefined {
    if (this.#served === undefined || this.#source?.kind !== 'self-signed') return undefined
    return `${selfSignedPath(this.#options.dataDir)}  SHA-256 ${this.#served.facts.fingerprint}`
  }

  /**
   * Opens the port without TLS, where there is one, then begins to look after the certificate of ACME. `target` is
   * where that port sends everybody. Answers its port.
   */
  async start(options: { host: string; target: () => string }): Promise<number | undefined> {
    const { settings, logger, scope } = this.#options
    const port = settings.plainPort ?? (this.#source?.kind === 'acme' ? acmePort : undefined)
    if (this.#served === undefined || port === undefined) return undefined
    const store = this.#store
    const listener = new PlainListener({
      ...{ logger, scope, target: options.target },
      keyAuthorization: async (token) => await store?.keyAuthorization(token),
    })
    const opened = await listener.listen({ port, host: options.host })
    await this.#acme?.follow(this.#served)
    return opened
  }
}

function sourceOf(settings: TlsSettings): Source | undefined {
  const { tls, certificateFile, keyFile } = settings
  if ((certificateFile === undefined) !== (keyFile === undefined)) {
    throw new ConfigError('PARLEY_TLS_CERT and PARLEY_TLS_KEY belong together: one is missing')
  }
  if (certificateFile !== undefined && keyFile !== undefined) {
    if (tls !== 'off') throw new ConfigError(`PARLEY_TLS=${tls} and PARLEY_TLS_CERT cannot both be: take one`)
    return { kind: 'files', certificateFile, keyFile }
  }
  switch (tls) {
    case 'off':
      return undefined
    case 'self-signed':
      return { kind: 'self-signed' }
    case 'acme':
      return {
        kind: 'acme',
        directoryUrl: directoryOf(settings.acmeDirectory ?? letsEncrypt),
        domains: domainsOf(settings.acmeDomains),
      }
  }
}

function directoryOf(url: string): string {
  if (!URL.canParse(url)) throw new ConfigError(`PARLEY_ACME_DIRECTORY: ${url} is not an address`)
  return url
}

function domainsOf(text: string | undefined): string[] {
  const domains = (text ?? '')
    .split(',')
    .map((domain) => domain.trim().toLowerCase())
    .filter((domain) => domain !== '')
  if (domains.length === 0) throw new ConfigError('PARLEY_TLS=acme needs PARLEY_ACME_DOMAINS')
  for (const domain of domains) {
    // A wildcard cannot be proved over http (RFC 8555, section 8.3).
    const fits = /^([a-z0-9]([a-z0-9-]*[a-z0-9])?\.)*[a-z0-9]([a-z0-9-]*[a-z0-9])?$/.test(domain)
    if (!fits || isIP(domain) !== 0 || domain.length > 253) {
      throw new ConfigError(`PARLEY_ACME_DOMAINS: ${domain} is not a host name that can be proved over http`)
    }
  }
  return [...new Set(domains)]
}

function bindingOf({ acmeKeyId, acmeKey }: TlsSettings): { keyId: string; hmacKey: Buffer } | undefined {
  if ((acmeKeyId === undefined) !== (acmeKey === undefined)) {
    throw new ConfigError('PARLEY_ACME_EAB_KEY_ID and PARLEY_ACME_EAB_KEY belong together: one is missing')
  }
  if (acmeKeyId === undefined || acmeKey === undefined) return undefined
  return { keyId: acmeKeyId, hmacKey: Buffer.from(acmeKey, 'base64url') }
}

/** Names which setting is at fault when the certificate cannot be served. */
function serve(read: () => KeyedCertificate, setting: string): ServedCertificate {
  try {
    return new ServedCertificate(read())
  } catch (cause) {
    const known = cause instanceof CertificateError || (cause as NodeJS.ErrnoException).code !== undefined
    if (!known) throw cause
    throw new ConfigError(`${setting}: ${(cause as Error).message}`, { cause })
  }
}

function tell(served: ServedCertificate, from: string, logger: Logger): void {
  const { names, notAfter, fingerprint } = served.facts
  const fields = { from, names, notAfter, fingerprint }
  if (notAfter <= new Date()) logger.error(fields, 'the certificate has expired')
  else logger.info(fields, 'a certificate is served')
}

/** What the doors show until the first one is issued: nobody is asked to trust it. */
function provisional(domains: readonly string[]): KeyedCertificate {
  const key = newKey()
  const notBefore = new Date()
  const notAfter = new Date(notBefore.getTime() + provisionalMs)
  const certificate = selfSignedCertificate({
    ...{ commonName: 'Parley, provisional', names: domains, key, notBefore, notAfter },
  })
  return { certificate, key: keyToPem(key) }
}

function hostsOf(addresses: readonly (string | undefined)[]): string[] {
  return addresses.flatMap((address) => {
    if (address === undefined || !URL.canParse(address)) return []
    return [new URL(address).hostname.replace(/^\[|\]$/g, '')]
  })
}
