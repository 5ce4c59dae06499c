import { type ChildProcess, fork } from 'node:child_process'
import { createPublicKey, randomBytes, X509Certificate } from 'node:crypto'
import { mkdtempSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import type { IncomingMessage } from 'node:http'
import { request } from 'node:https'
import { connect as connectPlain } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { type ConnectionOptions, connect } from 'node:tls'
import { fileURLToPath } from 'node:url'
import { type RunningServer, startServer } from '@parley/app-server'
import { createLogger, sleep } from '@parley/core/kernel'
import { createTestDatabase } from '@parley/testing/postgres'
import { build } from 'esbuild'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { hasChromium, openWindow } from '../../apps/demo/tests/browser.ts'
import { buildPage } from '../../apps/demo/tests/build-page.ts'
import { keyToPem, newKey } from './certificate.ts'
import { ensureSelfSigned, selfSignedPath } from './self-signed.ts'
import { issueFor, newAuthority } from './tests/test-certificates.ts'

let folder: string
let databaseUrl: string
let program: string
const closing: (() => Promise<void> | void)[] = []
const perTest: (() => Promise<void> | void)[] = []
const root = newAuthority('Office Root')

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'parley-tls-'))
  closing.push(() => rmSync(folder, { recursive: true, force: true }))
  const database = await createTestDatabase()
  databaseUrl = database.url
  closing.push(() => database.close())
  program = join(folder, 'session.cjs')
  await build({
    entryPoints: [fileURLToPath(new URL('../../testing/customer-program/index.ts', import.meta.url))],
    ...{ outfile: program, bundle: true, format: 'cjs', platform: 'node', target: 'node20' },
    conditions: ['parley-source'],
    logLevel: 'error',
  })
  writeFileSync(join(folder, 'root.pem'), root.certificate)
})
afterEach(async () => {
  for (const close of perTest.splice(0).reverse()) await close()
})
afterAll(async () => {
  for (const close of closing.reverse()) await close()
})

/** Puts a certificate and its key into place, each at once. */
function writeCertificate(lifeMs = 86_400_000): string {
  const key = newKey()
  const publicKey = createPublicKey(key).export({ type: 'spki', format: 'der' })
  const certificate = issueFor(root, { names: ['localhost'], publicKey, lifeMs })
  put('key.pem', keyToPem(key))
  put('certificate.pem', certificate)
  return new X509Certificate(certificate).fingerprint256
}

function put(name: string, content: string): void {
  writeFileSync(join(folder, `${name}.new`), content)
  renameSync(join(folder, `${name}.new`), join(folder, name))
}

async function start(env: Record<string, string>): Promise<{ server: RunningServer; log: () => string }> {
  const dataDir = mkdtempSync(join(folder, 'data-'))
  const logFile = join(dataDir, 'log')
  const server = await startServer({
    env: {
      PARLEY_DATA_DIR: dataDir,
      PARLEY_DATABASE_URL: databaseUrl,
      PARLEY_PORT: '0',
      PARLEY_CONTENT_PORT: '0',
      PARLEY_HOST: '127.0.0.1',
      PARLEY_RTC: 'false',
      ...env,
    },
    logger: createLogger({ level: 'info', destination: logFile }),
  })
  perTest.push(() => server.close())
  return { server, log: () => readFileSync(logFile, 'utf8') }
}

const files = () => ({
  PARLEY_TLS_CERT: join(folder, 'certificate.pem'),
  PARLEY_TLS_KEY: join(folder, 'key.pem'),
})

/** A customer's program that trusts `ca` by Node's own means. */
async function session(server: RunningServer, ca: string) {
  const key = JSON.parse(readFileSync(join(server.dataDir, 'dev.json'), 'utf8')) as object
  const child: ChildProcess = fork(program, [JSON.stringify({ ...key, url: server.url })], {
    env: { ...process.env, NODE_EXTRA_CA_CERTS: ca },
    execArgv: [],
  })
  perTest.push(async () => {
    const ended = new Promise((resolve) => child.once('exit', resolve))
    child.kill()
    await ended
  })
  const answer = () =>
    new Promise<string | string[]>((resolve, reject) => {
      child.once('message', (told: { answer?: string; error?: string }) => {
        if (told.answer === undefined) reject(new Error(told.error))
        else resolve(told.answer)
      })
    })
  expect(await answer()).toBe('ready')
  return (what: 'say' | 'file' | 'states', words?: string) => {
    const told = answer()
    child.send({ what, words })
    return told
  }
}

interface Handshake {
  fingerprint: string | undefined
  protocol: string | null
  alpn: string | false | null
  cipher: string
}

/** What a new connection agrees on. */
function handshake(url: string, options: ConnectionOptions = {}): Promise<Handshake> {
  const { port, hostname } = new URL(url)
  return new Promise((resolve, reject) => {
    const socket = connect({
      ...{ port: Number(port), host: '127.0.0.1', servername: hostname, ca: root.certificate },
      ...options,
    })
    socket.once('secureConnect', () => {
      resolve({
        fingerprint: socket.getPeerX509Certificate()?.fingerprint256,
        protocol: socket.getProtocol(),
        alpn: socket.alpnProtocol,
        cipher: socket.getCipher().standardName,
      })
      socket.destroy()
    })
    socket.once('error', reject)
  })
}

const shown = async (url: string) => (await handshake(url)).fingerprint

function get(url: string, ca: string): Promise<{ incoming: IncomingMessage; body: string }> {
  return new Promise((resolve, reject) => {
    const outgoing = request(url, { ca, agent: false })
    outgoing.on('response', (incoming) => {
      text(incoming).then((body) => resolve({ incoming, body }), reject)
    })
    outgoing.on('error', reject).end()
  })
}

describe('certificate files', () => {
  test('TLS-2, TLS-3: a session over wss lives through new certificates and broken ones', async () => {
    const first = writeCertificate()
    const { server, log } = await start(files())
    expect(new URL(server.url).protocol).toBe('https:')
    expect(new URL(server.contentUrl).protocol).toBe('https:')
    const ask = await session(server, join(folder, 'root.pem'))
    expect(await ask('say', 'over wss')).toBe('over wss')
    expect(await ask('file', 'a file')).toBe(`${server.contentUrl} a file`)
    expect([await shown(server.url), await shown(server.contentUrl)]).toEqual([first, first])

    // A key that is not that of the certificate.
    put('key.pem', keyToPem(newKey()))
    while (!log().includes('cannot be served')) await sleep(50)
    expect(await shown(server.url)).toBe(first)
    put('certificate.pem', 'no certificate')
    process.kill(process.pid, 'SIGHUP')
    while (log().split('cannot be served').length < 3) await sleep(50)
    expect([await shown(server.url), await shown(server.contentUrl)]).toEqual([first, first])
    expect(await ask('say', 'still here')).toBe('still here')

    const second = writeCertificate()
    process.kill(process.pid, 'SIGHUP')
    while ((await shown(server.url)) !== second) await sleep(20)
    expect(await shown(server.contentUrl)).toBe(second)
    const third = writeCertificate()
    // No signal: the files are looked at.
    while ((await shown(server.url)) !== third) await sleep(50)
    expect(await ask('say', 'the same connection')).toBe('the same connection')
    expect(await ask('states')).toEqual([])
    expect(await ask('file', 'another')).toBe(`${server.contentUrl} another`)
  })

  test('TLS-5: TLS 1.2 and 1.3 with forward secrecy only, HTTP/1.1 by ALPN; what is no TLS is cut', async () => {
    writeCertificate()
    const { server } = await start(files())
    for (const url of [server.url, server.contentUrl]) {
      expect((await handshake(url)).protocol).toBe('TLSv1.3')
      const old = await handshake(url, { maxVersion: 'TLSv1.2', ALPNProtocols: ['h2', 'http/1.1'] })
      expect([old.protocol, old.alpn]).toEqual(['TLSv1.2', 'http/1.1'])
      expect(old.cipher).toMatch(/^TLS_ECDHE_.*(GCM|POLY1305)/)
      const refused: ConnectionOptions[] = [
        { minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' },
        { maxVersion: 'TLSv1.2', ciphers: 'AES128-SHA:AES128-GCM-SHA256:ECDHE-ECDSA-AES128-SHA' },
        { ALPNProtocols: ['h2'] },
      ]
      for (const options of refused) await expect(handshake(url, options)).rejects.toThrow()
      for (const bytes of [Buffer.from('GET / HTTP/1.1\r\nHost: x\r\n\r\n'), randomBytes(500)]) {
        await cut(url, bytes)
      }
    }
    expect((await get(`${server.url}/healthz`, root.certificate)).incoming.statusCode).toBe(200)
  })

  test('TLS-6: the port without TLS sends everybody to the public address', async () => {
    writeCertificate()
    const { server, log } = await start({
      ...files(),
      PARLEY_HTTP_PORT: '0',
      PARLEY_PUBLIC_URL: 'https://chat.example.com:8443/',
    })
    expect(server.url).toBe('https://chat.example.com:8443')
    expect(new URL(server.contentUrl).hostname).toBe('chat.example.com')
    const dev = JSON.parse(readFileSync(join(server.dataDir, 'dev.json'), 'utf8')) as { url: string }
    expect(dev.url).toBe(server.url)
    const port = /"port":(\d+)[^\n]*sends to https/.exec(log())?.[1]
    const answer = await fetch(`http://127.0.0.1:${port}//evil.example/a?b=c`, {
      redirect: 'manual',
      headers: { host: 'evil.example' },
    })
    expect([answer.status, answer.headers.get('location')]).toEqual([
      308,
      'https://chat.example.com:8443//evil.example/a?b=c',
    ])
  })
})

/** Resolves once the server ends a connection that says this. */
function cut(url: string, bytes: Buffer): Promise<void> {
  return new Promise((resolve) => {
    const socket = connectPlain(Number(new URL(url).port), '127.0.0.1', () => socket.write(bytes))
    socket.on('error', () => undefined)
    socket.on('data', () => undefined)
    socket.once('close', () => resolve())
  })
}

describe('self-signed', () => {
  test('TLS-4: a certificate of its own serves session, files and demo', async () => {
    const { server } = await start({ PARLEY_TLS: 'self-signed', PARLEY_PUBLIC_URL: '' })
    const path = selfSignedPath(server.dataDir)
    const certificate = readFileSync(path, 'utf8')
    const { fingerprint256 } = new X509Certificate(certificate)
    expect(server.trust).toBe(`${path}  SHA-256 ${fingerprint256}`)
    expect(statSync(join(server.dataDir, 'tls', 'self-signed.key')).mode & 0o777).toBe(0o600)
    const ask = await session(server, path)
    expect(await ask('say', 'on the LAN')).toBe('on the LAN')
    expect(await ask('file', 'a file')).toBe(`${server.contentUrl} a file`)
    const { port } = new URL(server.url)
    expect((await get(`https://127.0.0.1:${port}/healthz`, certificate)).incoming.statusCode).toBe(200)
    const demo = await get(`${server.url}/demo/session?user=alice`, certificate)
    expect([demo.incoming.statusCode, JSON.parse(demo.body)]).toMatchObject([
      200,
      { token: expect.any(String) },
    ])
  })

  test('TLS-4: it is kept while it is good, and made anew for a new name, in time, or when it is broken', () => {
    const dataDir = mkdtempSync(join(folder, 'kept-'))
    const now = new Date()
    const made = ensureSelfSigned({ dataDir, names: [] }, now)
    expect(ensureSelfSigned({ dataDir, names: [] }, now)).toEqual(made)
    const named = ensureSelfSigned({ dataDir, names: ['parley.lan', 'fd00::7'] }, now)
    expect(named.key).toBe(made.key)
    expect(new X509Certificate(named.certificate).checkIP('fd00::7')).toBeDefined()
    expect(ensureSelfSigned({ dataDir, names: [] }, now)).toEqual(named)
    const later = ensureSelfSigned({ dataDir, names: [] }, new Date(now.getTime() + 560 * 86_400_000))
    expect([later.key, later.certificate === named.certificate]).toEqual([made.key, false])
    expect(new X509Certificate(later.certificate).checkHost('parley.lan')).toBe('parley.lan')
    writeFileSync(selfSignedPath(dataDir), 'half a cert')
    expect(ensureSelfSigned({ dataDir, names: [] }, now).certificate).toContain('BEGIN CERTIFICATE')
  })
})

describe.skipIf(!hasChromium)('in Chromium', () => {
  test('TLS-4: the demo runs on https and wss once the certificate is accepted', async () => {
    await buildPage()
    const { server } = await start({ PARLEY_TLS: 'self-signed' })
    const { open, close, problems } = await openWindow(server.url, { ignoreHTTPSErrors: true })
    perTest.push(close)
    const page = await open('/')
    const [alice, bob] = ['alice', 'bob'].map((id) => page.locator(`[data-user="${id}"]`))
    const field = alice?.locator('.parley-composer textarea')
    await field?.fill('on https')
    await field?.press('Enter')
    await bob?.locator('.parley-bubble', { hasText: 'on https' }).first().waitFor()
    expect(new URL(page.url()).protocol).toBe('https:')
    expect(problems).toEqual([])
  })
})
