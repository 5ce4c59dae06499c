import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { X509Certificate } from 'node:crypto'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, afterEach, describe, expect, test, vi } from 'vitest'
import { SeededRandom } from '../../weaknet/random.ts'
import {
  certificateFingerprint,
  createCertificate,
  DtlsAssociation,
  type DtlsOptions,
  type SrtpProfile,
} from './index.ts'
import { prf } from './key-schedule.ts'

const closers: (() => unknown)[] = []
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close()
})

type Side = Partial<Omit<DtlsOptions, 'send' | 'role'>>
type Path = (datagram: Uint8Array, deliver: (datagram: Uint8Array) => void) => void

/** Two associations joined by paths that may lose, repeat or reorder. */
function pair(options: { client?: Side; server?: Side; toServer?: Path; toClient?: Path } = {}) {
  const direct: Path = (datagram, deliver) => deliver(datagram)
  const path = (through: Path, target: () => DtlsAssociation) => (datagram: Uint8Array) => {
    through(Uint8Array.from(datagram), (arrived) => setImmediate(() => target().handle(arrived)))
  }
  const client: DtlsAssociation = new DtlsAssociation({
    role: 'client',
    certificate: createCertificate(),
    retransmitMs: 30,
    ...options.client,
    send: path(options.toServer ?? direct, () => server),
  })
  const server: DtlsAssociation = new DtlsAssociation({
    role: 'server',
    certificate: createCertificate(),
    retransmitMs: 30,
    ...options.server,
    send: path(options.toClient ?? direct, () => client),
  })
  closers.push(
    () => client.close(),
    () => server.close(),
  )
  server.start()
  client.start()
  return { client, server }
}

test('RFC 5246 PRF with SHA-256, the vector of the IETF TLS list', () => {
  const hex = (text: string) => Buffer.from(text.replaceAll(' ', ''), 'hex')
  const output = prf(
    hex('9b be 43 6b a9 40 f0 17 b1 76 52 84 9a 71 db 35'),
    'test label',
    hex('a0 ba 9f 93 6c da 31 18 27 a6 f7 96 ff d5 19 8c'),
    100,
  )
  expect(output.toString('hex')).toMatch(/^e3f229ba727be17b8d122620557cd453c2aab21d07c3d495329b52d4e61edb5a/)
})

test('the certificate is a valid self-signed X.509 certificate', () => {
  const { der, fingerprint } = createCertificate()
  const certificate = new X509Certificate(der)
  expect(certificate.verify(certificate.publicKey)).toBe(true)
  expect(certificate.fingerprint256).toBe(fingerprint.value)
  expect(Date.parse(certificate.validTo)).toBeGreaterThan(Date.now())
})

describe('client and server of ours', () => {
  test('agree on SRTP keys and see the right certificates', async () => {
    const certificates = { client: createCertificate(), server: createCertificate() }
    const { client, server } = pair({
      client: { certificate: certificates.client, remoteFingerprint: certificates.server.fingerprint },
      server: { certificate: certificates.server, remoteFingerprint: certificates.client.fingerprint },
    })
    const [atClient, atServer] = await Promise.all([client.connected, server.connected])
    expect(atClient.srtp?.profile).toBe('AEAD_AES_128_GCM')
    expect(atClient.srtp).toEqual(atServer.srtp)
    expect(atClient.srtp?.client.key).not.toEqual(atClient.srtp?.server.key)
    expect(atClient.extendedMasterSecret).toBe(true)
    expect(atServer.remoteFingerprint).toEqual(certificates.client.fingerprint)
  })

  test('the server chooses the profile by its own preference', async () => {
    const profile: SrtpProfile = 'AES128_CM_HMAC_SHA1_80'
    const { client } = pair({ server: { srtpProfiles: [profile] } })
    expect((await client.connected).srtp).toMatchObject({ profile, client: { salt: { length: 14 } } })
  })

  test('a wrong fingerprint ends the handshake on both sides', async () => {
    const { client, server } = pair({ client: { remoteFingerprint: createCertificate().fingerprint } })
    await expect(client.connected).rejects.toThrow(/fingerprint/)
    await expect(server.connected).rejects.toThrow(/alert 40/)
  })

  test('data and close reach the other side', async () => {
    const received: string[] = []
    const closed = vi.fn()
    const { client, server } = pair({
      server: { onData: (data) => received.push(Buffer.from(data).toString()), onClosed: closed },
    })
    await Promise.all([client.connected, server.connected])
    client.sendData(Buffer.from('hello'))
    await vi.waitFor(() => expect(received).toEqual(['hello']))
    client.close()
    await vi.waitFor(() => expect(closed).toHaveBeenCalledOnce())
  })

  test.each([1, 2, 3, 4])(
    'a lossy, repeating, reordering path with tiny datagrams only delays it (seed %i)',
    async (seed) => {
      const random = new SeededRandom(seed)
      const rough: Path = (datagram, deliver) => {
        if (random.next() < 0.3) return
        setTimeout(() => deliver(datagram), random.next() * 20)
        if (random.next() < 0.2) setTimeout(() => deliver(datagram), random.next() * 40)
      }
      const small = { maxDatagramBytes: 250, retransmitMs: 20 }
      const { client, server } = pair({ client: small, server: small, toServer: rough, toClient: rough })
      const [atClient, atServer] = await Promise.all([client.connected, server.connected])
      expect(atClient.srtp).toEqual(atServer.srtp)
    },
  )

  test('junk before and between does no harm, and replayed data counts once', async () => {
    const junk = fc.sample(fc.uint8Array({ maxLength: 300 }), 50)
    const received: Uint8Array[] = []
    const { client, server } = pair({
      server: { onData: (data) => received.push(data) },
      toServer: (datagram, deliver) => {
        for (const bytes of junk) deliver(bytes)
        deliver(datagram)
        deliver(datagram)
      },
    })
    await Promise.all([client.connected, server.connected])
    client.sendData(Buffer.from('once'))
    client.sendData(Buffer.from('twice'))
    await vi.waitFor(() => expect(received).toHaveLength(2))
  })

  test('random records end in a closed or a waiting association, never in an exception', () => {
    const start = fc.constantFrom(
      '16fefd0000000000000000',
      '16feff0000000000000001',
      '14fefd0000000000000000',
    )
    fc.assert(
      fc.property(
        fc.constantFrom('client', 'server'),
        start,
        fc.uint8Array({ maxLength: 200 }),
        (role, header, body) => {
          const association = new DtlsAssociation({ role, certificate, send: () => {} })
          association.start()
          const length = Buffer.of(body.length >> 8, body.length & 0xff)
          association.handle(Buffer.concat([Buffer.from(header, 'hex'), length, body]))
          association.close()
        },
      ),
      { numRuns: 300 },
    )
  })
})

const certificate = createCertificate()

const OPENSSL = 'openssl'

describe('OpenSSL as peer', () => {
  const folder = mkdtempSync(join(tmpdir(), 'parley-dtls-'))
  const keyFile = join(folder, 'key.pem')
  const certificateFile = join(folder, 'certificate.pem')
  const peer = createCertificate()
  writeFileSync(keyFile, peer.privateKey.export({ type: 'pkcs8', format: 'pem' }))
  writeFileSync(certificateFile, new X509Certificate(peer.der).toString())
  afterAll(() => rmSync(folder, { recursive: true, force: true }))

  const OPENSSL_PROFILE = {
    AEAD_AES_128_GCM: 'SRTP_AEAD_AES_128_GCM',
    AES128_CM_HMAC_SHA1_80: 'SRTP_AES128_CM_SHA1_80',
  }
  const profiles: readonly SrtpProfile[] = ['AEAD_AES_128_GCM', 'AES128_CM_HMAC_SHA1_80']

  function openssl(args: readonly string[]): { child: ChildProcess; output: () => string } {
    const child = spawn(OPENSSL, args, { stdio: ['pipe', 'pipe', 'pipe'] })
    closers.push(async () => {
      if (child.exitCode !== null) return
      child.kill('SIGKILL')
      await once(child, 'exit')
    })
    let output = ''
    for (const stream of [child.stdout, child.stderr])
      stream?.on('data', (chunk: Buffer) => (output += chunk))
    return { child, output: () => output }
  }

  async function udp() {
    const socket = createSocket('udp4')
    socket.bind(0, '127.0.0.1')
    await once(socket, 'listening')
    closers.push(() => socket.close())
    return socket
  }

  async function freePort(): Promise<number> {
    const socket = createSocket('udp4')
    socket.bind(0, '127.0.0.1')
    await once(socket, 'listening')
    const { port } = socket.address()
    socket.close()
    return port
  }

  /** The 56 or 60 bytes OpenSSL prints when asked to export keying material. */
  const exported = (output: string) => /Keying material: ([0-9A-F]+)/.exec(output)?.[1]?.toLowerCase()
  const material = (session: Awaited<DtlsAssociation['connected']>) => {
    const { client, server } = session.srtp ?? {}
    if (!client || !server) return undefined
    return Buffer.concat([client.key, server.key, client.salt, server.salt]).toString('hex')
  }
  const exportArgs = (profile: SrtpProfile) => [
    ...['-use_srtp', OPENSSL_PROFILE[profile], '-keymatexport', 'EXTRACTOR-dtls_srtp'],
    ...['-keymatexportlen', profile === 'AEAD_AES_128_GCM' ? '56' : '60'],
  ]

  test.each(profiles)('our client against s_server: %s, keys match', async (profile) => {
    const port = await freePort()
    const socket = await udp()
    const { child, output } = openssl([
      ...['s_server', '-dtls1_2', '-accept', `127.0.0.1:${port}`, '-key', keyFile, '-cert', certificateFile],
      ...['-Verify', '1', '-cipher', 'ECDHE-ECDSA-AES128-GCM-SHA256', '-mtu', '600', ...exportArgs(profile)],
    ])
    await vi.waitFor(() => expect(output()).toContain('ACCEPT'), { timeout: 10_000 })
    const client = new DtlsAssociation({
      role: 'client',
      certificate,
      remoteFingerprint: peer.fingerprint,
      send: (datagram) => socket.send(datagram, port, '127.0.0.1'),
    })
    closers.push(() => client.close())
    socket.on('message', (datagram) => client.handle(datagram))
    client.start()
    const session = await client.connected
    expect(session.srtp?.profile).toBe(profile)
    await vi.waitFor(() => expect(exported(output())).toBe(material(session)), { timeout: 10_000 })
    client.sendData(Buffer.from('from the client\n'))
    await vi.waitFor(() => expect(output()).toContain('from the client'))
    expect(child.exitCode).toBeNull()
  })

  test('our client against s_server with an RSA certificate', async () => {
    const rsa = { key: join(folder, 'rsa-key.pem'), certificate: join(folder, 'rsa.pem') }
    execFileSync(
      OPENSSL,
      [
        ...['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-subj', '/CN=peer'],
        ...['-keyout', rsa.key, '-out', rsa.certificate],
      ],
      { stdio: 'ignore' },
    )
    const port = await freePort()
    const socket = await udp()
    const { output } = openssl([
      ...['s_server', '-dtls1_2', '-accept', `127.0.0.1:${port}`, '-key', rsa.key, '-cert', rsa.certificate],
      ...exportArgs('AEAD_AES_128_GCM'),
    ])
    await vi.waitFor(() => expect(output()).toContain('ACCEPT'), { timeout: 10_000 })
    const client = new DtlsAssociation({
      role: 'client',
      certificate,
      remoteFingerprint: certificateFingerprint(new X509Certificate(readFileSync(rsa.certificate)).raw),
      send: (datagram) => socket.send(datagram, port, '127.0.0.1'),
    })
    closers.push(() => client.close())
    socket.on('message', (datagram) => client.handle(datagram))
    client.start()
    const session = await client.connected
    await vi.waitFor(() => expect(exported(output())).toBe(material(session)), { timeout: 10_000 })
  })

  test.each(profiles)('s_client against our server: %s, keys match', async (profile) => {
    const socket = await udp()
    let remote: { port: number; address: string } | undefined
    const received: string[] = []
    const server = new DtlsAssociation({
      role: 'server',
      certificate,
      remoteFingerprint: peer.fingerprint,
      send: (datagram) => remote && socket.send(datagram, remote.port, remote.address),
      onData: (data) => received.push(Buffer.from(data).toString()),
    })
    closers.push(() => server.close())
    server.start()
    socket.on('message', (datagram, from) => {
      remote = from
      server.handle(datagram)
    })
    const { child, output } = openssl([
      ...['s_client', '-dtls1_2', '-connect', `127.0.0.1:${socket.address().port}`],
      ...['-key', keyFile, '-cert', certificateFile, '-mtu', '600', ...exportArgs(profile)],
    ])
    const session = await server.connected
    expect(session.srtp?.profile).toBe(profile)
    await vi.waitFor(() => expect(exported(output())).toBe(material(session)), { timeout: 10_000 })
    child.stdin?.write('from the peer\n')
    await vi.waitFor(() => expect(received.join('')).toContain('from the peer'))
  })
})
