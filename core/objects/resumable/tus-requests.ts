import type { IncomingMessage, ServerResponse } from 'node:http'
import { AppError } from '@parley/contracts'
import type { ContentGrant } from '../content-address.ts'
import type { Piece, ResumableUploads, UploadState } from './resumable-uploads.ts'

const version = '1.0.0'
const extensions = 'creation,expiration,checksum,termination'
const algorithms = ['sha1', 'sha256'] as const

/** Methods of tus at the address of an upload, besides OPTIONS. */
export const tusMethods: ReadonlySet<string> = new Set(['HEAD', 'PATCH', 'POST', 'DELETE'])

/** What pages of other origins send and read. */
export const tusHeaders =
  'Tus-Resumable, Tus-Version, Tus-Extension, Tus-Max-Size, Tus-Checksum-Algorithm, Upload-Length, Upload-Offset, ' +
  'Upload-Expires, Upload-Checksum, Upload-Metadata, X-HTTP-Method-Override'

export interface TusRequestsOptions {
  uploads: ResumableUploads
  /** Removes an announced file that has not arrived whole. */
  terminate(grant: ContentGrant): Promise<void>
  maxObjectBytes: number
}

/**
 * The tus protocol 1.0.0 (https://tus.io/protocols/resumable-upload) at the signed address of an announced file, with
 * the extensions creation, expiration, checksum and termination. Announcing made the upload, so creation by POST to the
 * address answers with that same address, for clients that insist on creating what they send.
 */
export class TusRequests {
  readonly #options: TusRequestsOptions

  constructor(options: TusRequestsOptions) {
    this.#options = options
  }

  /** What this server speaks, on answers to OPTIONS. */
  offer(): Record<string, string> {
    return {
      'Tus-Resumable': version,
      'Tus-Version': version,
      'Tus-Extension': extensions,
      'Tus-Max-Size': String(this.#options.maxObjectBytes),
      'Tus-Checksum-Algorithm': algorithms.join(','),
    }
  }

  /** Answers one request; `receive` hands out the bytes of the request once they are wanted. */
  async answer(
    grant: ContentGrant,
    method: string,
    incoming: IncomingMessage,
    outgoing: ServerResponse,
    receive: () => AsyncIterable<Uint8Array>,
  ): Promise<void> {
    outgoing.setHeader('Tus-Resumable', version)
    outgoing.setHeader('Cache-Control', 'no-store')
    if (incoming.headers['tus-resumable'] !== version) {
      outgoing.setHeader('Tus-Version', version)
      throw new AppError('tus-version-unsupported')
    }
    if (method === 'HEAD') return this.#tell(outgoing, 200, await this.#options.uploads.state(grant), true)
    if (method === 'POST') return this.#create(grant, incoming, outgoing)
    if (method === 'DELETE') {
      await this.#options.terminate(grant)
      return void outgoing.writeHead(204).end()
    }
    this.#tell(outgoing, 204, await this.#options.uploads.append(grant, readPiece(incoming, receive)))
  }

  async #create(grant: ContentGrant, incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
    const length = readBytes(incoming.headers['upload-length'])
    if (length === undefined) throw new AppError('invalid-request', 'Upload-Length is missing or no number')
    const state = await this.#options.uploads.state(grant)
    if (length !== state.sizeBytes) {
      throw new AppError(
        'size-mismatch',
        `${state.sizeBytes} bytes were announced, Upload-Length says ${length}`,
      )
    }
    outgoing.setHeader('Location', incoming.url ?? '')
    this.#tell(outgoing, 201, state)
  }

  #tell(outgoing: ServerResponse, status: number, state: UploadState, withLength = false): void {
    outgoing.writeHead(status, {
      'Upload-Offset': String(state.offset),
      ...(withLength && { 'Upload-Length': String(state.sizeBytes) }),
      ...(state.expiresAt && { 'Upload-Expires': state.expiresAt.toUTCString() }),
      ...(status !== 204 && { 'Content-Length': '0' }),
    })
    outgoing.end()
  }
}

function readPiece({ headers }: IncomingMessage, receive: () => AsyncIterable<Uint8Array>): Piece {
  if (headers['content-type'] !== 'application/offset+octet-stream') {
    throw new AppError('unsupported-media-type', 'Pieces are application/offset+octet-stream')
  }
  const offset = readBytes(headers['upload-offset'])
  if (offset === undefined) throw new AppError('invalid-request', 'Upload-Offset is missing or no number')
  const checksum = readChecksum(headers['upload-checksum'])
  return { offset, checksum, content: receive() }
}

function readChecksum(header: string | string[] | undefined): Piece['checksum'] {
  if (header === undefined) return undefined
  const match = /^(\S+) ([A-Za-z0-9+/]+={0,2})$/.exec(String(header))
  const algorithm = algorithms.find((name) => name === match?.[1])
  if (algorithm === undefined) {
    throw new AppError('invalid-request', `Upload-Checksum takes ${algorithms.join(' or ')} and Base64`)
  }
  return { algorithm, digest: Buffer.from(match?.[2] ?? '', 'base64') }
}

function readBytes(header: string | string[] | undefined): number | undefined {
  const value = /^\d{1,15}$/.test(String(header)) ? Number(header) : undefined
  return value
}
