import type { IncomingMessage, Server } from 'node:http'
import type { Duplex } from 'node:stream'
import { AppError, newId, realtimePath, realtimeSubprotocol } from '@parley/contracts'
import { type ServerOptions, WebSocketServer } from 'ws'
import { encodeProblem } from '../http/problem.ts'
import { addressGroup, remoteAddress } from '../http/remote-address.ts'
import { GatewaySocket } from './gateway-socket.ts'
import type { GatewaySettings } from './settings.ts'

export interface UpgradeListenerOptions {
  server: Server
  settings: GatewaySettings
  /** Reverse proxies in front that append to X-Forwarded-For. */
  trustedProxyHops: number
  /** Throws an AppError that becomes the answer. */
  admit: (addressGroup: string) => void
  accept: (socket: GatewaySocket, address: string, addressGroup: string) => void
}

const maxFragments = 1_024
const maxBufferedChunks = 16_384

/** Makes WebSockets out of the upgrade requests of an HTTP server; all others are refused with a problem. */
export class UpgradeListener {
  readonly #options: UpgradeListenerOptions
  readonly #webSocketServer: InstanceType<typeof WebSocketServer<typeof GatewaySocket>>
  readonly #onUpgrade = (request: IncomingMessage, socket: Duplex, head: Buffer): void => {
    this.#upgrade(request, socket, head)
  }

  constructor(options: UpgradeListenerOptions) {
    this.#options = options
    const { settings } = options
    const serverOptions: ServerOptions<typeof GatewaySocket> & Record<string, unknown> = {
      noServer: true,
      clientTracking: false,
      WebSocket: GatewaySocket,
      maxPayload: settings.maxFrameBytes,
      maxFragments,
      maxBufferedChunks,
      closeTimeout: settings.closeTimeoutMs,
      perMessageDeflate: settings.compression ? { threshold: 1_024 } : false,
      handleProtocols: (protocols) => (protocols.has(realtimeSubprotocol) ? realtimeSubprotocol : false),
    }
    this.#webSocketServer = new WebSocketServer<typeof GatewaySocket>(serverOptions)
    options.server.on('upgrade', this.#onUpgrade)
  }

  close(): void {
    this.#options.server.off('upgrade', this.#onUpgrade)
    this.#webSocketServer.close()
  }

  #upgrade(request: IncomingMessage, transport: Duplex, head: Buffer): void {
    try {
      checkRequest(request)
      const address = remoteAddress(request, this.#options.trustedProxyHops)
      const group = addressGroup(address)
      this.#options.admit(group)
      this.#webSocketServer.handleUpgrade(request, transport, head, (socket) => {
        socket.transport = transport
        socket.compressed = socket.extensions !== ''
        this.#options.accept(socket, address, group)
      })
    } catch (thrown) {
      refuse(transport, thrown)
    }
  }
}

function checkRequest(request: IncomingMessage): void {
  const path = (request.url ?? '').split('?', 1)[0]
  if (path !== realtimePath) throw new AppError('not-found', 'There is nothing to upgrade on this path')
  if (request.headers.upgrade?.toLowerCase() !== 'websocket') throw new AppError('upgrade-required')
  const offered = request.headers['sec-websocket-protocol']
  if (offered === undefined) return
  if (!offered.split(',').some((name) => name.trim() === realtimeSubprotocol)) {
    throw new AppError('invalid-request', `The subprotocol spoken here is ${realtimeSubprotocol}`)
  }
}

function refuse(transport: Duplex, thrown: unknown): void {
  const error =
    thrown instanceof AppError ? thrown : new AppError('internal-error', undefined, { cause: thrown })
  const { status, headers, body } = encodeProblem(error, {
    requestId: newId('request'),
    headers: { Connection: 'close', ...(error.code === 'upgrade-required' && { Upgrade: 'websocket' }) },
  })
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}`)
  // Whoever is refused may be gone already; that is nobody's error.
  transport.on('error', () => transport.destroy())
  transport.end(`HTTP/1.1 ${status} ${error.code}\r\n${lines.join('\r\n')}\r\n\r\n${body.toString()}`, () =>
    transport.destroy(),
  )
}
