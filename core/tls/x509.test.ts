import { execFileSync } from 'node:child_process'
import { X509Certificate } from 'node:crypto'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { connect } from 'node:tls'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import {
  certificateFacts,
  checkCertificate,
  keyToPem,
  newKey,
  plainAddress,
  renewalTime,
} from './certificate.ts'
import { addressBytes, integer, oid, time } from './der.ts'
import { readSigningRequest } from './tests/test-certificates.ts'
import { selfSignedCertificate, signingRequest } from './x509.ts'

const names = ['localhost', 'box.local', '127.0.0.1', '10.1.2.3', '::1', 'fd00::1:2']
const dayMs = 86_400_000

function selfSigned(options: { names?: string[]; notBefore?: Date; notAfter?: Date } = {}) {
  const key = newKey()
  const notBefore = options.notBefore ?? new Date(Date.now() - dayMs)
  const notAfter = options.notAfter ?? new Date(Date.now() + dayMs)
  const made = { commonName: 'A machine', names: options.names ?? names, key, notBefore, notAfter }
  return { certificate: selfSignedCertificate(made), key: keyToPem(key) }
}

test('TLS-4: a self-signed certificate names hosts and addresses, and its key is its own', () => {
  const made = selfSigned()
  const parsed = new X509Certificate(made.certificate)
  expect(parsed.verify(parsed.publicKey)).toBe(true)
  expect(parsed.ca).toBe(false)
  expect(checkCertificate(made).names.map(plainAddress)).toEqual(names)
  for (const name of ['localhost', 'box.local']) expect(parsed.checkHost(name)).toBe(name)
  for (const address of ['127.0.0.1', '10.1.2.3', '::1', 'fd00::1:2']) {
    expect(parsed.checkIP(address), address).toBeDefined()
  }
  expect(parsed.checkHost('other')).toBeUndefined()
})

test('TLS-4: dates on both sides of 2050 are kept, and two thirds of the life are found', () => {
  const notBefore = new Date('2049-12-31T23:59:59Z')
  const notAfter = new Date('2050-03-31T23:59:59Z')
  const facts = certificateFacts(selfSigned({ notBefore, notAfter }).certificate)
  expect([facts.notBefore, facts.notAfter]).toEqual([notBefore, notAfter])
  expect(renewalTime(facts)).toEqual(new Date('2050-03-01T23:59:59Z'))
})

test('TLS-4: a client that is given the certificate connects by each name, and by no other', async () => {
  const made = selfSigned({ names: ['localhost', '127.0.0.1'] })
  const server = createServer({ cert: made.certificate, key: made.key }, (_incoming, outgoing) =>
    outgoing.end(),
  )
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  const open = (servername: string, ca?: string) =>
    new Promise<string>((resolve) => {
      const socket = connect({ port, host: '127.0.0.1', servername, ...(ca && { ca }) })
      socket.once('secureConnect', () => {
        resolve('open')
        socket.destroy()
      })
      socket.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? ''))
    })
  expect(await open('localhost', made.certificate)).toBe('open')
  expect(await open('elsewhere', made.certificate)).toBe('ERR_TLS_CERT_ALTNAME_INVALID')
  expect(await open('localhost')).toBe('DEPTH_ZERO_SELF_SIGNED_CERT')
  expect(await open('localhost', selfSigned().certificate)).toBe('DEPTH_ZERO_SELF_SIGNED_CERT')
  server.closeAllConnections()
  await new Promise((resolve) => server.close(resolve))
})

test('TLS-9: a signing request is PKCS #10 over its names', () => {
  const key = newKey()
  const request = signingRequest({ names: ['a.example', 'b.example'], key })
  expect(readSigningRequest(request)).toMatchObject({ names: ['a.example', 'b.example'], verified: true })
  const broken = Buffer.from(request)
  broken[broken.length - 1] = (broken.at(-1) ?? 0) ^ 1
  expect(readSigningRequest(broken).verified).toBe(false)
  const openssl = tryOpenssl(request)
  if (openssl !== undefined) expect(openssl).toContain('DNS:a.example, DNS:b.example')
})

/** A second opinion, where the program is there. */
function tryOpenssl(request: Buffer): string | undefined {
  try {
    execFileSync('openssl', ['version'], { stdio: 'pipe' })
  } catch {
    return undefined
  }
  const args = ['req', '-inform', 'DER', '-noout', '-verify', '-text']
  return execFileSync('openssl', args, { input: request, stdio: ['pipe', 'pipe', 'pipe'] }).toString()
}

test('DER: numbers are shortest and never negative; identifiers, times and addresses as their rules say', () => {
  expect(integer(0)).toEqual(Buffer.of(2, 1, 0))
  expect(integer(Buffer.of(0, 0, 0x80))).toEqual(Buffer.of(2, 2, 0, 0x80))
  expect(oid('1.2.840.113549')).toEqual(Buffer.from('06062a864886f70d', 'hex'))
  expect(time(new Date('2049-01-02T03:04:05Z')).toString('latin1', 2)).toBe('490102030405Z')
  expect(time(new Date('2050-01-02T03:04:05Z')).toString('latin1', 2)).toBe('20500102030405Z')
  expect(addressBytes('::ffff:1.2.3.4').toString('hex')).toBe('00000000000000000000ffff01020304')
  fc.assert(
    fc.property(fc.oneof(fc.ipV4(), fc.ipV6()), (address) => {
      const bytes = addressBytes(address)
      const shown =
        bytes.length === 4
          ? bytes.join('.')
          : (bytes.toString('hex').match(/.{4}/g) ?? [])
              .map((group) => group.replace(/^0+(?=.)/, ''))
              .join(':')
      expect(plainAddress(shown)).toBe(plainAddress(address))
    }),
  )
})
