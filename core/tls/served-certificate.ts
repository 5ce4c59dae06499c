import { createServer, type RequestListener, type Server, type ServerOptions } from 'node:http'
import { createServer as createSecureServer, type Server as SecureServer } from 'node:https'
import type { SecureContextOptions } from 'node:tls'
import { type CertificateFacts, checkCertificate, type KeyedCertificate } from './certificate.ts'

/** Makes the server behind a door: with or without TLS, the same to whoever serves. */
export type CreateServer = (options: ServerOptions, listener: RequestListener) => Server

/** Without TLS. */
export const createPlainServer: CreateServer = (options, listener) => createServer(options, listener)

const handshakeTimeoutMs = 10_000

/** Forward secrecy and authenticated encryption only: the ciphers of TLS 1.3, and those of 1.2 that are like them. */
const ciphers = [
  'TLS_AES_128_GCM_SHA256',
  'TLS_AES_256_GCM_SHA384',
  'TLS_CHACHA20_POLY1305_SHA256',
  'ECDHE-ECDSA-AES128-GCM-SHA256',
  'ECDHE-RSA-AES128-GCM-SHA256',
  'ECDHE-ECDSA-AES256-GCM-SHA384',
  'ECDHE-RSA-AES256-GCM-SHA384',
  'ECDHE-ECDSA-CHACHA20-POLY1305',
  'ECDHE-RSA-CHACHA20-POLY1305',
].join(':')

/**
 * The certificate that the doors of a process show. A replacement counts from the next handshake on; connections
 * that are open keep what they agreed on.
 */
export class ServedCertificate {
  readonly #servers = new Set<SecureServer>()
  #served: KeyedCertificate
  #facts: CertificateFacts

  /** Throws a CertificateError when it cannot be served. */
  constructor(first: KeyedCertificate) {
    this.#facts = checkCertificate(first)
    this.#served = first
  }

  get facts(): CertificateFacts {
    return this.#facts
  }

  /** The certificate with those that vouch for it, PEM. */
  get chain(): string {
    return this.#served.certificate
  }

  /** Throws a CertificateError when it cannot be served; then the old one stays. */
  replace(next: KeyedCertificate): CertificateFacts {
    const facts = checkCertificate(next)
    this.#served = next
    this.#facts = facts
    for (const server of this.#servers) server.setSecureContext(this.#context())
    return facts
  }

  readonly createServer: CreateServer = (options, listener) => {
    const server = createSecureServer(
      { ...options, ...this.#context(), ALPNProtocols: ['http/1.1'], handshakeTimeout: handshakeTimeoutMs },
      listener,
    )
    // Node's own listener hands these to `clientError`, whose courtesy of an answer has no connection to go over.
    server.removeAllListeners('tlsClientError')
    server.on('tlsClientError', (_error, socket) => socket.destroy())
    server.once('close', () => this.#servers.delete(server))
    this.#servers.add(server)
    // All of http.Server that is used here stands on both; the declarations know no common ancestor.
    return server as unknown as Server
  }

  #context(): SecureContextOptions {
    const { certificate, key } = this.#served
    return { cert: certificate, key, minVersion: 'TLSv1.2', ciphers, honorCipherOrder: true }
  }
}
