import { createHash } from 'node:crypto'
import type { Bus } from '@parley/core/bus'
import type { Jobs } from '@parley/core/jobs'
import type { Logger, Scope } from '@parley/core/kernel'
import { z } from 'zod'
import {
  checkCertificate,
  type KeyedCertificate,
  keyToPem,
  newKey,
  readKey,
  renewalTime,
} from '../certificate.ts'
import type { ServedCertificate } from '../served-certificate.ts'
import { signingRequest } from '../x509.ts'
import { AcmeClient, AcmeError } from './acme-client.ts'
import type { AcmeStore } from './acme-store.ts'

export interface AcmeCertificateOptions {
  store: AcmeStore
  bus: Bus
  jobs: Jobs
  logger: Logger
  scope: Scope
  directoryUrl: string
  domains: readonly string[]
  email?: string | undefined
  binding?: { keyId: string; hmacKey: Buffer } | undefined
  timeoutMs: number
  times?: Partial<AcmeTimes>
}

export interface AcmeTimes {
  /** How often it is seen whether the certificate is due. */
  lookMs: number
  /** How often a process that missed the notice reads the certificate again. */
  rereadMs: number
  /** Pause after so many failures in a row; the last one holds for all that follow. */
  pausesMs: readonly number[]
}

const minuteMs = 60_000
const hourMs = 60 * minuteMs

/** Authorities allow about five failures an hour for a name. */
const defaultTimes: AcmeTimes = {
  lookMs: 30_000,
  rereadMs: minuteMs,
  pausesMs: [minuteMs, 5 * minuteMs, 20 * minuteMs, hourMs, 3 * hourMs, 6 * hourMs],
}

const job = 'tls-acme'
const changed = 'tls.certificate-changed'
const account = z.object({ url: z.string().optional(), key: z.string() })
const keyed = z.object({ certificate: z.string(), key: z.string() })

/** Gets a certificate by ACME, renews it after two thirds of its life, and brings it to every process. */
export class AcmeCertificate {
  readonly #options: AcmeCertificateOptions
  readonly #times: AcmeTimes
  readonly #accountName: string
  readonly #certificateName: string
  #servedVersion: string | undefined

  constructor(options: AcmeCertificateOptions) {
    this.#options = options
    this.#times = { ...defaultTimes, ...options.times }
    const { directoryUrl, domains } = options
    this.#accountName = `acme-account/${digest([directoryUrl])}`
    this.#certificateName = `acme-certificate/${digest([directoryUrl, ...[...domains].sort()])}`
  }

  /** The kept one, whatever its age; undefined before the first. */
  async stored(): Promise<KeyedCertificate | undefined> {
    const kept = await this.#options.store.read(this.#certificateName)
    return kept === undefined ? undefined : keyed.parse(JSON.parse(kept.text))
  }

  /** Brings new certificates to the doors, and gets them when they are due. Ends with the scope. */
  async follow(served: ServedCertificate): Promise<void> {
    const { bus, jobs, scope, timeoutMs, logger } = this.#options
    const take = async (): Promise<void> => {
      const kept = await this.#options.store.read(this.#certificateName)
      if (kept === undefined || kept.version === this.#servedVersion) return
      this.#servedVersion = kept.version
      const next = keyed.parse(JSON.parse(kept.text))
      if (next.certificate === served.chain) return
      const { notAfter, fingerprint, names } = served.replace(next)
      logger.info({ notAfter, fingerprint, names }, 'a new certificate is served')
    }
    const taken = (): void => {
      take().catch((error: unknown) => logger.error({ error }, 'the certificate could not be taken over'))
    }
    const stops = [bus.subscribe(changed, taken), bus.onGap(taken)]
    scope.onClose('certificate notices', () => {
      for (const stop of stops) stop()
    })
    scope.every('certificate', this.#times.rereadMs, take)
    jobs.define({
      name: job,
      timeoutMs,
      maxAttempts: 1,
      handle: (_payload, { signal }) => this.renewIfDue(signal),
    })
    await jobs.schedule(job, { everyMs: this.#times.lookMs })
  }

  /** Whether there was something to do and it was done. A failure is stored with the time of the next attempt. */
  async renewIfDue(signal: AbortSignal): Promise<void> {
    const { store, logger, domains } = this.#options
    const kept = await this.stored()
    if (kept !== undefined && renewalTime(checkCertificate(kept)) > new Date()) return
    const { failures, due } = await store.attempts(this.#certificateName)
    if (!due) return
    try {
      const next = await this.#obtain(signal)
      await store.write(this.#certificateName, JSON.stringify(next))
      await store.succeeded(this.#certificateName)
      logger.info({ domains }, 'a certificate was issued')
    } catch (error) {
      const pauseMs = this.#pauseAfter(failures, error)
      await store.failed(this.#certificateName, pauseMs, String(error))
      logger.error({ error, domains, pauseMs }, 'no certificate could be had; it is tried again')
      return
    }
    this.#options.bus.publish(changed, null)
  }

  #pauseAfter(failures: number, error: unknown): number {
    const { pausesMs } = this.#times
    const pauseMs = pausesMs[Math.min(failures, pausesMs.length - 1)] ?? hourMs
    const askedMs = error instanceof AcmeError ? (error.retryAfterMs ?? 0) : 0
    return Math.max(pauseMs, askedMs) * (1 + Math.random() / 10)
  }

  async #obtain(signal: AbortSignal): Promise<KeyedCertificate> {
    const { store, domains } = this.#options
    const client = await this.#client(signal)
    const key = newKey()
    const certificate = await client.obtain(domains, signingRequest({ names: domains, key }), {
      show: (token, text) => store.showChallenge(token, text),
      takeBack: (token) => store.takeBackChallenge(token),
    })
    const made = { certificate, key: keyToPem(key) }
    const { names, notAfter } = checkCertificate(made)
    const missing = domains.filter((domain) => !names.includes(domain))
    if (missing.length > 0) throw new AcmeError(`the certificate does not name ${missing.join(', ')}`)
    if (notAfter <= new Date()) throw new AcmeError('the certificate has expired already')
    return made
  }

  /** With the account of this directory; the key is stored before the authority hears of it, so that none is lost. */
  async #client(signal: AbortSignal): Promise<AcmeClient> {
    const { store, directoryUrl, email, binding } = this.#options
    const kept = await store.read(this.#accountName)
    const known = kept === undefined ? { key: keyToPem(newKey()) } : account.parse(JSON.parse(kept.text))
    if (kept === undefined) await store.write(this.#accountName, JSON.stringify(known))
    const accountKey = readKey(known.key)
    const client = new AcmeClient({ directoryUrl, accountKey, signal })
    // Asking for an account that is there already finds it, and brings the address of the mail up to date.
    const url = await client.register({ email, binding })
    if (url !== known.url) await store.write(this.#accountName, JSON.stringify({ url, key: known.key }))
    return client
  }
}

function digest(parts: readonly string[]): string {
  return createHash('sha256').update(JSON.stringify(parts)).digest('hex').slice(0, 32)
}
