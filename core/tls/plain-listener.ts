import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Logger, Scope } from '@parley/core/kernel'

export interface PlainListenerOptions {
  logger: Logger
  scope: Scope
  /** Where everybody is sent, such as `https://chat.example.com`. */
  target: () => string
  /** What an ACME authority is to find under a token; undefined where there is no such challenge. */
  keyAuthorization: (token: string) => Promise<string | undefined>
}

const challengePath = /^\/\.well-known\/acme-challenge\/([\w-]{1,512})$/

/**
 * The port without TLS: answers ACME challenges (RFC 8555, section 8.3) and sends everything else to https. The
 * address it sends to is configured, never taken from the request. It owns its socket and ends with the scope.
 */
export class PlainListener {
  readonly #options: PlainListenerOptions
  readonly #logger: Logger
  readonly #server: Server

  constructor(options: PlainListenerOptions) {
    this.#options = options
    this.#logger = options.logger.child({ part: 'plain http' })
    this.#server = createServer(
      { headersTimeout: 5_000, requestTimeout: 5_000, keepAliveTimeout: 1_000, maxHeaderSize: 8_192 },
      (incoming, outgoing) => {
        this.#answer(incoming, outgoing).catch((error: unknown) => {
          this.#logger.error({ error }, 'a challenge could not be answered')
          if (!outgoing.headersSent) outgoing.writeHead(503)
          outgoing.end()
        })
      },
    )
    this.#server.maxConnections = 1_000
    options.scope.onClose('plain http', () => this.close())
  }

  /** Answers the port. */
  async listen(address: { port: number; host: string }): Promise<number> {
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', reject)
      this.#server.listen(address.port, address.host, () => {
        this.#server.off('error', reject)
        resolve()
      })
    })
    const { port } = this.#server.address() as AddressInfo
    this.#logger.info({ port, host: address.host }, 'plain http listens and sends to https')
    return port
  }

  async close(): Promise<void> {
    if (!this.#server.listening) return
    const closed = new Promise((resolve) => this.#server.close(resolve))
    this.#server.closeAllConnections()
    await closed
  }

  async #answer(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
    const url = incoming.url ?? '/'
    outgoing.setHeader('X-Content-Type-Options', 'nosniff')
    const [, token] = challengePath.exec(url) ?? []
    const found = token === undefined ? undefined : await this.#options.keyAuthorization(token)
    if (found !== undefined && (incoming.method === 'GET' || incoming.method === 'HEAD')) {
      outgoing.writeHead(200, { 'Content-Type': 'application/octet-stream', 'Cache-Control': 'no-store' })
      outgoing.end(found)
      return
    }
    if (token !== undefined) {
      outgoing.writeHead(404).end()
      return
    }
    const path = url.startsWith('/') ? url : '/'
    outgoing.writeHead(308, { Location: this.#options.target() + path, Connection: 'close' })
    outgoing.end()
  }
}
