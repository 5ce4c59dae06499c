import { X509Certificate } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { request } from 'node:https'
import type { AddressInfo } from 'node:net'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { InProcessBus } from '@parley/core/bus'
import { Jobs } from '@parley/core/jobs'
import { ConfigError, configSource, readSettings, Scope, silentLogger, sleep } from '@parley/core/kernel'
import { Metrics } from '@parley/core/metrics'
import { MasterKey } from '@parley/core/secrets'
import { openDatabase } from '@parley/core/store'
import { createTestDatabase } from '@parley/testing/postgres'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { Tls, type TlsOptions, tlsSettings } from './index.ts'
import { AcmeAuthority, type AuthorityOptions } from './tests/authority.ts'

let database: Awaited<ReturnType<typeof createTestDatabase>>
let dataDir: string
const closing: (() => Promise<void> | void)[] = []
beforeEach(async () => {
  database = await createTestDatabase()
  dataDir = mkdtempSync(join(tmpdir(), 'parley-acme-'))
  closing.push(
    () => database.close(),
    () => rmSync(dataDir, { recursive: true, force: true }),
  )
})
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close()
})

/** Where the authority finds each domain; a process announces its port here. */
const where = new Map<string, string>()

async function authority(options: Partial<AuthorityOptions> = {}): Promise<AcmeAuthority> {
  const started = await AcmeAuthority.start({
    resolve: (domain) => where.get(domain) ?? '127.0.0.1:1',
    ...options,
  })
  closing.push(() => started.close())
  return started
}

interface Door {
  tls: Tls
  /** The certificate that a client is shown. */
  shown(): Promise<X509Certificate>
  plain(path: string): Promise<{ status: number; location: string | null; body: string }>
  close(): Promise<void>
}

/** A process with one https door, and all that TLS stands on. */
async function start(
  env: Record<string, string>,
  options: { times?: TlsOptions['times']; masterKey?: Buffer; domains?: string[] } = {},
): Promise<Door> {
  const logger = silentLogger
  const outer = new Scope('process', logger)
  const scope = outer.child('parts')
  const store = await openDatabase({ url: database.url, logger, scope: outer, poolSize: 4 })
  const bus = scope.own('bus', new InProcessBus({ logger }))
  const jobs = await Jobs.open({
    database: store,
    bus,
    logger,
    scope,
    times: { rereadMs: 20, leaseMs: 2_000 },
  })
  const tls = await Tls.open({
    settings: readSettings(tlsSettings, configSource({ PARLEY_TLS: 'acme', PARLEY_HTTP_PORT: '0', ...env })),
    ...{ dataDir, database: store, bus, jobs, metrics: new Metrics(), logger, scope, addresses: [] },
    masterKey: new MasterKey(options.masterKey ?? Buffer.alloc(32, 7)),
    times: { lookMs: 30, rereadMs: 30, pausesMs: [50], ...options.times },
  })
  const server = tls.createServer({}, (_incoming, outgoing) => outgoing.end('hello'))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  const plainPort = await tls.start({ host: '127.0.0.1', target: () => 'https://a.example' })
  for (const domain of options.domains ?? ['a.example', 'b.example'])
    where.set(domain, `127.0.0.1:${plainPort}`)
  const close = async (): Promise<void> => {
    await outer.close()
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  }
  closing.push(async () => {
    if (server.listening) await close()
  })
  return {
    tls,
    close,
    shown: () =>
      new Promise((resolve, reject) => {
        const outgoing = request({ port, host: '127.0.0.1', rejectUnauthorized: false, agent: false })
        outgoing.on('response', (incoming) => {
          const socket = incoming.socket as import('node:tls').TLSSocket
          const certificate = socket.getPeerX509Certificate()
          text(incoming).then(() => certificate && resolve(certificate), reject)
        })
        outgoing.on('error', reject).end()
      }),
    plain: async (path) => {
      const response = await fetch(`http://127.0.0.1:${plainPort}${path}`, { redirect: 'manual' })
      return {
        status: response.status,
        location: response.headers.get('location'),
        body: await response.text(),
      }
    },
  }
}

const settings = (from: AcmeAuthority, domains = 'a.example, b.example') => ({
  PARLEY_ACME_DIRECTORY: `${from.url}/directory`,
  PARLEY_ACME_DOMAINS: domains,
  PARLEY_ACME_EMAIL: 'ops@example.com',
})

/** The certificate of the authority that the door shows, once it does and is not `other`. */
async function issued(door: Door, from: AcmeAuthority, other?: X509Certificate): Promise<X509Certificate> {
  const root = new X509Certificate(from.root.certificate)
  for (;;) {
    const certificate = await door.shown()
    if (certificate.verify(root.publicKey) && certificate.fingerprint256 !== other?.fingerprint256)
      return certificate
    await sleep(20)
  }
}

test('TLS-7, TLS-9: a certificate is had from a strict authority, kept sealed, and shown after a restart', async () => {
  const from = await authority()
  from.badNonces = 2
  const door = await start(settings(from))
  expect(await door.plain('/v1/rooms?x=1')).toMatchObject({
    status: 308,
    location: 'https://a.example/v1/rooms?x=1',
  })
  expect(await door.plain('/.well-known/acme-challenge/unknown')).toMatchObject({ status: 404 })
  const certificate = await issued(door, from)
  expect(certificate.subjectAltName).toBe('DNS:a.example, DNS:b.example')
  expect(from.violations).toEqual([])
  expect([...from.accounts.values()].map(({ contact }) => contact)).toEqual([['mailto:ops@example.com']])
  await door.close()

  from.orderRefusal = { status: 403, type: 'unauthorized' }
  const again = await start(settings(from))
  expect((await again.shown()).fingerprint256).toBe(certificate.fingerprint256)
  expect(from.issued).toHaveLength(1)
})

test('TLS-8: after two thirds of its life the next one is shown, without a restart', async () => {
  const from = await authority({ lifeMs: 3_000 })
  const door = await start(settings(from))
  const first = await issued(door, from)
  const second = await issued(door, from, first)
  expect(second.validTo >= first.validTo).toBe(true)
  expect(from.accounts.size).toBe(1)
  expect(from.violations).toEqual([])
})

test('TLS-8: a failure is told, tried again after its pause, and never at once', async () => {
  const from = await authority()
  from.orderRefusal = { status: 429, type: 'rateLimited', retryAfter: '3600' }
  const door = await start(settings(from))
  const attempts = async () => {
    const logger = silentLogger
    const scope = new Scope('look', logger)
    const store = await openDatabase({ url: database.url, logger, scope, poolSize: 1 })
    const { rows } = await store.system.query<{ failures: number; last_error: string; hour: boolean }>({
      text: `select failures, last_error, next_at > now() + interval '50 minutes' as hour from tls.renewals`,
    })
    await scope.close()
    return rows
  }
  let rows = await attempts()
  while (rows.length === 0) rows = await attempts()
  expect(rows).toEqual([
    { failures: 1, last_error: expect.stringContaining('rateLimited: not now') as string, hour: true },
  ])
  await sleep(200)
  expect((await attempts())[0]?.failures).toBe(1)
  expect((await door.shown()).subject).toContain('provisional')
})

test('TLS-8: a name that cannot be proved fails the attempt; once it can, the certificate comes', async () => {
  const from = await authority()
  where.set('c.example', '127.0.0.1:1')
  const door = await start(settings(from, 'c.example'), { domains: [] })
  await sleep(300)
  expect(from.issued).toEqual([])
  const other = await start(settings(from, 'c.example'), { domains: ['c.example'] })
  await issued(door, from)
  await issued(other, from)
  expect(from.violations).toEqual([])
})

test('TLS-10: processes share one account and one certificate; any of them answers the challenge', async () => {
  const from = await authority()
  const doors = [await start(settings(from)), await start(settings(from)), await start(settings(from))]
  const shown = await Promise.all(doors.map((door) => issued(door, from)))
  expect(new Set(shown.map(({ fingerprint256 }) => fingerprint256)).size).toBe(1)
  expect([from.issued.length, from.accounts.size]).toEqual([1, 1])
})

test('TLS-10: with another master key everything is asked for anew; nothing of it lies open', async () => {
  const from = await authority()
  const door = await start(settings(from))
  const first = await issued(door, from)
  await door.close()
  const other = await start(settings(from), { masterKey: Buffer.alloc(32, 8) })
  expect((await issued(other, from, first)).fingerprint256).not.toBe(first.fingerprint256)
  expect(from.accounts.size).toBe(2)
})

test('TLS-9: an account that must be bound is bound, and without the key the reason is told', async () => {
  const binding = { keyId: 'kid-1', key: Buffer.from('a key of the authority') }
  const from = await authority({ binding })
  const bound = await start({
    ...settings(from),
    PARLEY_ACME_EAB_KEY_ID: binding.keyId,
    PARLEY_ACME_EAB_KEY: binding.key.toString('base64url'),
  })
  await issued(bound, from)
  expect(from.violations).toEqual([])
})

test('TLS-1: settings that do not fit together are told before anything listens', async () => {
  const wrong: Record<string, string>[] = [
    {},
    { PARLEY_ACME_DOMAINS: '*.example.com' },
    { PARLEY_ACME_DOMAINS: '10.0.0.1' },
    { PARLEY_ACME_DOMAINS: 'a.example', PARLEY_ACME_DIRECTORY: 'nowhere' },
    { PARLEY_ACME_DOMAINS: 'a.example', PARLEY_ACME_EAB_KEY_ID: 'x' },
    { PARLEY_ACME_DOMAINS: 'a.example', PARLEY_TLS_CERT: 'x', PARLEY_TLS_KEY: 'y' },
    { PARLEY_TLS: 'off', PARLEY_TLS_CERT: 'x' },
    { PARLEY_TLS: 'off', PARLEY_TLS_CERT: '/no/such/file', PARLEY_TLS_KEY: '/no/such/file' },
  ]
  for (const env of wrong) await expect(start(env), JSON.stringify(env)).rejects.toThrow(ConfigError)
})

test('TLS-9: a directory elsewhere must be https', async () => {
  const { AcmeClient } = await import('./acme/acme-client.ts')
  const { newKey } = await import('./certificate.ts')
  const options = { accountKey: newKey(), signal: new AbortController().signal }
  expect(() => new AcmeClient({ ...options, directoryUrl: 'http://example.com/directory' })).toThrow(
    'is not https',
  )
  expect(() => new AcmeClient({ ...options, directoryUrl: 'http://127.0.0.1.example.com/' })).toThrow(
    'is not https',
  )
})

test('TLS-7: a plain port that is taken is an error', async () => {
  const taken = createServer()
  await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve))
  closing.push(() => void taken.close())
  const { port } = taken.address() as AddressInfo
  const from = await authority()
  await expect(start({ ...settings(from), PARLEY_HTTP_PORT: String(port) })).rejects.toThrow('EADDRINUSE')
})
