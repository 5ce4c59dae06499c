import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { pipeline } from 'node:stream/promises'
import { AppError, newId } from '@parley/contracts'
import { addressGroup, answerBrokenRequest, remoteAddress, sendProblem, toAppError } from '@parley/core/http'
import { type Logger, type Scope, sleep } from '@parley/core/kernel'
import { callSeconds, type Metrics } from '@parley/core/metrics'
import { type CreateServer, createPlainServer } from '@parley/core/tls'
import type { ContentGrant } from './content-address.ts'
import { fileHeaders, isFresh, rangeOf } from './delivery.ts'
import { storeKey } from './object-rows.ts'
import type { ObjectService, StoredFile } from './object-service.ts'
import { TusRequests, tusHeaders, tusMethods } from './resumable/tus-requests.ts'
import type { ObjectSettings } from './settings.ts'
import { ThumbnailMaker } from './thumbnails/thumbnail-maker.ts'
import type { ThumbnailSize } from './thumbnails/thumbnail-sizes.ts'

export interface ContentServerOptions {
  logger: Logger
  scope: Scope
  metrics: Metrics
  objects: ObjectService
  settings: ObjectSettings
  /** As of the HTTP server. */
  trustedProxyHops?: number
  /** With TLS; without it when absent. */
  createServer?: CreateServer
}

const uploadMethods = 'PUT, HEAD, PATCH, POST, DELETE, OPTIONS'
const readMethods = 'GET, HEAD, OPTIONS'
const allMethods = 'GET, HEAD, PUT, PATCH, POST, DELETE, OPTIONS'

/** On every answer: what users upload gets no origin, no scripts and no guesses about its type. */
const guardHeaders = {
  'X-Content-Type-Options': 'nosniff',
  'Content-Security-Policy': "sandbox; default-src 'none'",
  'Referrer-Policy': 'no-referrer',
  'Cross-Origin-Resource-Policy': 'cross-origin',
  'Access-Control-Allow-Origin': '*',
  'Access-Control-Expose-Headers': `Accept-Ranges, Content-Disposition, Content-Range, ETag, Location, X-Request-Id, ${tusHeaders}`,
}

/**
 * The content origin: takes uploads and serves files to whoever holds a signed address. An origin of its own, so
 * that nothing in a file can reach the pages and tokens of the main one.
 */
export class ContentServer {
  readonly #options: ContentServerOptions
  readonly #logger: Logger
  readonly #server: Server
  readonly #uploads = new Map<string, number>()
  readonly #seconds
  readonly #bytes
  readonly #tus: TusRequests
  readonly #thumbnails: ThumbnailMaker
  #uploading = 0
  #inFlight = 0
  #draining = false

  constructor(options: ContentServerOptions) {
    this.#options = options
    this.#logger = options.logger.child({ part: 'content' })
    this.#seconds = options.metrics.histogram({
      name: 'content_request_duration_seconds',
      help: 'Requests to the content origin, transfers included',
      labels: ['method', 'status'],
      buckets: [...callSeconds, 60, 600],
    })
    this.#bytes = options.metrics.counter({
      name: 'content_transferred_bytes_total',
      help: 'Bytes of files that were received and sent',
      labels: ['direction'],
    })
    options.metrics.gauge({
      name: 'content_uploads_in_flight',
      help: 'Uploads being received',
      read: () => this.#uploading,
    })
    const { objects, settings, scope } = options
    this.#tus = new TusRequests({
      uploads: objects.resumable,
      terminate: (grant) => objects.terminate(grant),
      maxObjectBytes: settings.maxObjectBytes,
    })
    this.#thumbnails = new ThumbnailMaker({
      scope,
      processes: settings.thumbnailProcesses,
      maxPixels: settings.maxThumbnailPixels,
    })
    this.#server = this.#createServer()
    options.scope.onClose('content server', () => this.close())
  }

  async listen(address: { port: number; host: string }): Promise<{ port: number; url: string }> {
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', reject)
      this.#server.listen(address.port, address.host, () => {
        this.#server.off('error', reject)
        resolve()
      })
    })
    const { port } = this.#server.address() as AddressInfo
    this.#logger.info({ port, host: address.host }, 'content listens')
    return { port, url: `http://127.0.0.1:${port}` }
  }

  /** Stops taking connections and lets transfers finish, at most `timeoutMs`. */
  async drain(timeoutMs = 10_000): Promise<void> {
    if (this.#draining) return
    this.#draining = true
    this.#server.close()
    this.#server.closeIdleConnections()
    const deadline = performance.now() + timeoutMs
    while (this.#inFlight > 0 && performance.now() < deadline) await sleep(10)
  }

  async close(): Promise<void> {
    await this.drain(1_000)
    this.#server.closeAllConnections()
  }

  #createServer(): Server {
    const { createServer = createPlainServer } = this.#options
    const { contentIdleMs } = this.#options.settings
    const server = createServer(
      {
        headersTimeout: 10_000,
        requestTimeout: 0,
        keepAliveTimeout: 65_000,
        connectionsCheckingInterval: 2_000,
      },
      (incoming, outgoing) => void this.#serve(incoming, outgoing),
    )
    // Large files take their time; what does not move at all is cut.
    server.setTimeout(contentIdleMs, (socket) => socket.destroy())
    server.on('clientError', (error: NodeJS.ErrnoException, socket: Socket) =>
      answerBrokenRequest(error, socket),
    )
    server.on('checkContinue', (incoming, outgoing) => void this.#serve(incoming, outgoing))
    return server
  }

  async #serve(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
    const startedAt = performance.now()
    const requestId = newId('request')
    this.#inFlight++
    for (const [name, value] of Object.entries(guardHeaders)) outgoing.setHeader(name, value)
    outgoing.setHeader('X-Request-Id', requestId)
    if (this.#draining) outgoing.setHeader('Connection', 'close')
    outgoing.once('close', () => {
      this.#inFlight--
      const labels = { method: incoming.method ?? '', status: String(outgoing.statusCode) }
      this.#seconds.observe(labels, (performance.now() - startedAt) / 1000)
    })
    try {
      if (this.#inFlight > this.#options.settings.maxContentInFlight) throw new AppError('overloaded')
      await this.#dispatch(incoming, outgoing)
    } catch (error) {
      const problem = toAppError(error)
      if (problem.code === 'internal-error' && !incoming.errored && !outgoing.destroyed) {
        this.#logger.error({ error, requestId }, 'a transfer failed')
      }
      sendProblem(outgoing, problem, { requestId })
    }
  }

  async #dispatch(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
    const [path = '', search = ''] = (incoming.url ?? '').split('?', 2)
    if (!/^\/(uploads|files|pictures)\//.test(path)) {
      throw new AppError('not-found', 'There is no such path')
    }
    const isUpload = path.startsWith('/uploads/')
    const allowed = isUpload ? uploadMethods : readMethods
    const method = methodOf(incoming)
    if (method === 'OPTIONS') return answerPreflight(allowed, isUpload ? this.#tus.offer() : {}, outgoing)
    if (!allowed.split(', ').includes(method)) {
      outgoing.setHeader('Allow', allowed)
      throw new AppError('method-not-allowed', `This path takes ${allowed}`)
    }
    const grant = await this.#options.objects.check(path, search)
    if (grant.action === 'read') await this.#send(grant, incoming, outgoing)
    else if (tusMethods.has(method)) await this.#answerTus(grant, method, incoming, outgoing)
    else await this.#receive(grant, incoming, outgoing)
  }

  async #answerTus(
    grant: ContentGrant,
    method: string,
    incoming: IncomingMessage,
    outgoing: ServerResponse,
  ): Promise<void> {
    const release = method === 'PATCH' ? this.#takeUploadSlot(incoming) : () => undefined
    try {
      await this.#tus.answer(grant, method, incoming, outgoing, () => {
        requirePlainEncoding(incoming)
        if (incoming.headers.expect !== undefined) outgoing.writeContinue()
        return this.#counted(incoming)
      })
    } finally {
      release()
    }
  }

  async #receive(grant: ContentGrant, incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
    const release = this.#takeUploadSlot(incoming)
    try {
      await this.#checkAnnouncement(grant, incoming)
      if (incoming.headers.expect !== undefined) outgoing.writeContinue()
      const { id, sha256 } = await this.#options.objects.receive(grant, this.#counted(incoming))
      const body = JSON.stringify({ id, sha256 })
      outgoing.writeHead(200, {
        'Content-Type': 'application/json',
        'Content-Length': Buffer.byteLength(body),
        'Cache-Control': 'no-store',
      })
      outgoing.end(body)
    } finally {
      release()
    }
  }

  /** What can be known to be wrong before a byte of the file moves. */
  async #checkAnnouncement(grant: ContentGrant, incoming: IncomingMessage): Promise<void> {
    requirePlainEncoding(incoming)
    const sizeBytes = await this.#options.objects.announcedBytes(grant)
    const length = incoming.headers['content-length']
    if (length !== undefined && Number(length) !== sizeBytes) {
      throw new AppError('size-mismatch', `${sizeBytes} bytes were announced, ${length} are being sent`)
    }
  }

  async *#counted(incoming: IncomingMessage): AsyncGenerator<Uint8Array> {
    // The connection outlives a refusal, so that its reason can be told.
    for await (const chunk of incoming.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
      this.#bytes.inc({ direction: 'in' }, chunk.length)
      yield chunk
    }
    // All is here: what the disk takes to be sure of it is not a transfer that stands still.
    incoming.socket.setTimeout(0)
  }

  #takeUploadSlot(incoming: IncomingMessage): () => void {
    const { maxUploads, maxUploadsPerAddress } = this.#options.settings
    const address = addressGroup(remoteAddress(incoming, this.#options.trustedProxyHops ?? 0))
    const fromHere = this.#uploads.get(address) ?? 0
    if (fromHere >= maxUploadsPerAddress)
      throw new AppError('too-many-connections', 'Too many uploads from here')
    if (this.#uploading >= maxUploads) throw new AppError('overloaded')
    this.#uploads.set(address, fromHere + 1)
    this.#uploading++
    return () => {
      this.#uploading--
      const left = (this.#uploads.get(address) ?? 1) - 1
      if (left === 0) this.#uploads.delete(address)
      else this.#uploads.set(address, left)
    }
  }

  async #send(grant: ContentGrant, incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
    const { thumbnail } = grant
    const file =
      thumbnail === undefined
        ? await this.#options.objects.open(grant)
        : await this.#thumbnailOf(grant, thumbnail)
    const headers = fileHeaders(file, grant.expiresAtMs - Date.now())
    if (isFresh(incoming.headers, file)) {
      const { 'Content-Type': _type, 'Content-Disposition': _disposition, ...rest } = headers
      outgoing.writeHead(304, rest)
      outgoing.end()
      return
    }
    if (incoming.method === 'HEAD') {
      outgoing.writeHead(200, { ...headers, 'Content-Length': file.sizeBytes })
      outgoing.end()
      return
    }
    await this.#sendBytes(file, headers, incoming, outgoing)
  }

  /** The smaller picture, made now if nobody asked for it before. */
  async #thumbnailOf(grant: ContentGrant, size: ThumbnailSize): Promise<StoredFile> {
    const { objects } = this.#options
    const picture = await objects.openPicture(grant)
    let small = await objects.openThumbnail(grant, size)
    if (small === undefined) {
      const key = `${storeKey(grant)} ${size}`
      const bytes = await this.#thumbnails.make(key, size, () => picture.read())
      await objects.keepThumbnail(grant, size, bytes)
      small = await objects.openThumbnail(grant, size)
    }
    if (small === undefined) throw new AppError('object-not-found')
    const name = `${picture.name.replace(/\.\w+$/, '')}-${size}.webp`
    const { storedAt } = picture
    return { ...small, name, contentType: 'image/webp', storedAt, sha256: `${picture.sha256}-${size}` }
  }

  async #sendBytes(
    file: StoredFile,
    headers: Record<string, string>,
    incoming: IncomingMessage,
    outgoing: ServerResponse,
  ): Promise<void> {
    const answer = rangeOf(incoming.headers, file)
    if (answer.kind === 'unsatisfiable') {
      outgoing.writeHead(416, { 'Content-Range': `bytes */${file.sizeBytes}`, 'Content-Length': 0 })
      outgoing.end()
      return
    }
    const range = answer.kind === 'part' ? answer.range : { start: 0, end: file.sizeBytes - 1 }
    const length = range.end - range.start + 1
    const part = answer.kind === 'part' && {
      'Content-Range': `bytes ${range.start}-${range.end}/${file.sizeBytes}`,
    }
    const bytes = length === 0 ? undefined : await file.read(range)
    outgoing.writeHead(answer.kind === 'part' ? 206 : 200, { ...headers, ...part, 'Content-Length': length })
    if (bytes === undefined) {
      outgoing.end()
      return
    }
    await pipeline(bytes, outgoing)
    this.#bytes.inc({ direction: 'out' }, length)
  }
}

/** Networks that know neither PATCH nor DELETE hide them in a POST, as tus asks for. */
function methodOf({ method = '', headers }: IncomingMessage): string {
  const instead = headers['x-http-method-override']
  return method === 'POST' && typeof instead === 'string' ? instead.toUpperCase() : method
}

function requirePlainEncoding({ headers }: IncomingMessage): void {
  const encoding = headers['content-encoding']
  if (encoding !== undefined && encoding.toLowerCase() !== 'identity') {
    throw new AppError('unsupported-media-type', 'The file must be sent as it is, without Content-Encoding')
  }
}

function answerPreflight(allowed: string, offer: Record<string, string>, outgoing: ServerResponse): void {
  outgoing.writeHead(204, {
    ...offer,
    Allow: allowed,
    'Access-Control-Allow-Methods': allMethods,
    'Access-Control-Allow-Headers': `Content-Type, Range, If-Range, If-None-Match, If-Modified-Since, X-Request-ID, ${tusHeaders}`,
    'Access-Control-Max-Age': '86400',
  })
  outgoing.end()
}
