import { createHash } from 'node:crypto'
import { AppError } from '@parley/contracts'
import { AwsClient } from 'aws4fetch'
import type { S3Address } from './s3-address.ts'

export interface S3Request {
  method: 'GET' | 'HEAD' | 'PUT' | 'POST' | 'DELETE'
  /** Below the prefix; absent for the bucket itself. */
  key?: string
  query?: Record<string, string>
  headers?: Record<string, string>
  body?: Uint8Array
  /** Answers that are no failure, beside 2xx. */
  accept?: readonly number[]
}

/** What an S3 server answered when it refused; `code` is S3's own, as `NoSuchUpload`. */
export class S3Error extends Error {
  override readonly name = 'S3Error'
  readonly code: string
  readonly status: number

  constructor(status: number, code: string, message: string) {
    super(`S3 answered ${status} ${code}: ${message}`)
    this.status = status
    this.code = code
  }
}

const attempts = 5
const callMs = 60_000

/**
 * Signed calls (Signature Version 4) to one bucket. Every body is signed by its SHA-256, so that a byte that changes
 * on the way is refused there. No checksum headers beyond that: older servers fall over them. Answers of 5xx and 429
 * and calls that broke are repeated with growing pauses; all calls made here may be repeated.
 */
export class S3Client {
  readonly #address: S3Address
  readonly #signer: AwsClient

  constructor(address: S3Address) {
    this.#address = address
    this.#signer = new AwsClient({
      accessKeyId: address.accessKey,
      secretAccessKey: address.secretKey,
      region: address.region,
      service: 's3',
      retries: 0,
    })
  }

  /** Throws S3Error, or `unavailable` when the server cannot be reached or keeps failing. The caller reads the body. */
  async call(request: S3Request): Promise<Response> {
    for (let attempt = 1; ; attempt++) {
      const response = await this.#send(request, attempt)
      if (response === undefined) continue
      if (response.ok || request.accept?.includes(response.status)) return response
      const text = await response.text()
      if (
        (response.status >= 500 || response.status === 429) &&
        response.status !== 501 &&
        attempt < attempts
      ) {
        await pause(attempt)
        continue
      }
      const error = new S3Error(response.status, tagOf(text, 'Code') ?? 'none', tagOf(text, 'Message') ?? '')
      if (
        error.code === 'InsufficientStorage' ||
        error.code === 'XMinioStorageFull' ||
        response.status === 507
      ) {
        throw new AppError('storage-full', undefined, { cause: error })
      }
      if (response.status >= 500 && response.status !== 501) {
        throw new AppError('unavailable', 'The object store keeps failing', { cause: error })
      }
      throw error
    }
  }

  /** As `call`, for answers that are small XML. */
  async text(request: S3Request): Promise<string> {
    const response = await this.call(request)
    return response.text()
  }

  async #send(request: S3Request, attempt: number): Promise<Response | undefined> {
    const { method, key, query = {}, headers = {}, body } = request
    const { bucketUrl, prefix } = this.#address
    const search = new URLSearchParams(query).toString()
    const path = key === undefined ? '' : `/${prefix}${key}`
    const url = `${bucketUrl}${path}${search === '' ? '' : `?${search}`}`
    const sha256 = createHash('sha256')
      .update(body ?? '')
      .digest('hex')
    try {
      return await this.#signer.fetch(url, {
        method,
        headers: { ...headers, 'x-amz-content-sha256': sha256 },
        // A read goes on for as long as its reader takes; all else is done in a minute or done again.
        ...(method === 'GET' ? {} : { signal: AbortSignal.timeout(callMs) }),
        ...(body !== undefined && {
          body: Buffer.from(body.buffer as ArrayBuffer, body.byteOffset, body.length),
        }),
      })
    } catch (error) {
      if (attempt === attempts) {
        throw new AppError('unavailable', 'The object store cannot be reached', { cause: error })
      }
      await pause(attempt)
      return undefined
    }
  }
}

function pause(attempt: number): Promise<void> {
  const ms = 50 * 2 ** attempt * (0.5 + Math.random() / 2)
  return new Promise((resolve) => setTimeout(resolve, ms))
}

/** The text of the first element of this name. Answers of S3 are flat enough for it. */
export function tagOf(xml: string, name: string): string | undefined {
  const found = new RegExp(`<${name}>([^<]*)</${name}>`).exec(xml)?.[1]
  return found === undefined ? undefined : unescapeXml(found)
}

/** The inside of every element of this name. */
export function elementsOf(xml: string, name: string): string[] {
  return [...xml.matchAll(new RegExp(`<${name}>(.*?)</${name}>`, 'gs'))].map((match) => match[1] ?? '')
}

const entities: Record<string, string> = { lt: '<', gt: '>', quot: '"', apos: "'", amp: '&' }

function unescapeXml(text: string): string {
  return text.replace(/&(?:#(\d+)|#x([0-9a-f]+)|(lt|gt|quot|apos|amp));/gi, (whole, decimal, hex, name) => {
    if (decimal !== undefined) return String.fromCodePoint(Number(decimal))
    if (hex !== undefined) return String.fromCodePoint(Number.parseInt(hex, 16))
    return entities[String(name).toLowerCase()] ?? whole
  })
}

export function escapeXml(text: string): string {
  return text.replace(/[<>&"']/g, (character) => `&#${character.charCodeAt(0)};`)
}
