import { createHash } from 'node:crypto'
import { Readable } from 'node:stream'
import type { ReadableStream } from 'node:stream/web'
import { AppError } from '@parley/contracts'
import { MeasuredContent } from '../measured-content.ts'
import type {
  AppendOptions,
  ByteRange,
  ObjectStore,
  PutAnswer,
  PutOptions,
  TransferProgress,
} from '../object-store.ts'
import { KeyedTurns } from './keyed-turns.ts'
import type { S3Address } from './s3-address.ts'
import { elementsOf, escapeXml, S3Client, S3Error, tagOf } from './s3-client.ts'

/** S3 takes parts of 5 MiB and more, except the last, and 10,000 of them at most. */
const leastPartBytes = 8_388_608
const mostParts = 9_000

/** What an object in pieces is at S3: a multipart upload, and the bytes that do not yet fill a part. */
interface S3Progress extends TransferProgress {
  uploadId: string
  partBytes: number
  /** ETag of each part. */
  parts: string[]
  /** Key of the bytes that come after the last part. */
  tail?: string
}

/**
 * Objects in a bucket, named by the SHA-256 of their key. What fits one part is put whole, what is larger as a
 * multipart upload, so that nothing is seen before it is complete. `If-None-Match: *` keeps objects from being
 * replaced; with servers that pass over it, that holds within this process only. Holds two parts in memory at most
 * for each transfer.
 */
export class S3ObjectStore implements ObjectStore {
  readonly #client: S3Client
  readonly #prefix: string
  readonly #turns = new KeyedTurns()

  constructor(address: S3Address) {
    this.#client = new S3Client(address)
    this.#prefix = address.prefix
  }

  async put(key: string, content: AsyncIterable<Uint8Array>, options: PutOptions): Promise<PutAnswer> {
    const measured = new MeasuredContent(content, options)
    if (options.sizeBytes <= leastPartBytes) {
      const bytes = await gather(measured.chunks())
      const sha256 = measured.finish()
      return {
        sha256,
        created: await this.#create(key, (headers) => this.#putWhole(storedName(key), bytes, headers)),
      }
    }
    const progress = await this.begin(key, options.sizeBytes)
    try {
      const whole = await this.append(key, progress, measured.chunks(), { sizeBytes: options.sizeBytes })
      const sha256 = measured.finish()
      return { sha256, ...(await this.finish(key, whole)) }
    } catch (error) {
      await this.discard(key, progress)
      throw error
    }
  }

  async get(key: string, range?: ByteRange): Promise<Readable> {
    const headers: Record<string, string> = range ? { range: `bytes=${range.start}-${range.end}` } : {}
    const response = await this.#client.call({ method: 'GET', key: storedName(key), headers, accept: [404] })
    if (response.status === 404) {
      await response.body?.cancel()
      throw new AppError('object-not-found')
    }
    const length = response.headers.get('content-length')
    if (range !== undefined && length !== null && Number(length) > range.end - range.start + 1) {
      await response.body?.cancel()
      throw new AppError('unavailable', 'The object store gave more than was asked for')
    }
    return response.body === null
      ? Readable.from([])
      : Readable.fromWeb(response.body as ReadableStream<Uint8Array>)
  }

  async stat(key: string): Promise<{ sizeBytes: number } | undefined> {
    const response = await this.#client.call({ method: 'HEAD', key: storedName(key), accept: [404] })
    if (response.status === 404) return undefined
    return { sizeBytes: Number(response.headers.get('content-length')) }
  }

  async delete(key: string): Promise<void> {
    await this.#remove(storedName(key))
  }

  async begin(key: string, sizeBytes: number): Promise<TransferProgress> {
    const partBytes = Math.max(leastPartBytes, Math.ceil(sizeBytes / mostParts))
    const xml = await this.#client.text({ method: 'POST', key: storedName(key), query: { uploads: '' } })
    const uploadId = tagOf(xml, 'UploadId')
    if (uploadId === undefined) throw new AppError('unavailable', 'The object store began no upload')
    const progress: S3Progress = { receivedBytes: 0, uploadId, partBytes, parts: [] }
    return progress
  }

  async append(
    key: string,
    progress: TransferProgress,
    content: AsyncIterable<Uint8Array>,
    { sizeBytes, onDurable }: AppendOptions,
  ): Promise<TransferProgress> {
    const before = progress as S3Progress
    let now: S3Progress = { ...before, parts: [...before.parts] }
    let pending: Uint8Array[] = before.tail === undefined ? [] : [await this.#readTail(before.tail)]
    let pendingBytes = pending[0]?.length ?? 0
    let come = before.receivedBytes
    const sendPart = async (bytes: Uint8Array): Promise<void> => {
      const etag = await this.#putPart(key, now, bytes)
      const { tail: _tail, ...rest } = now
      now = {
        ...rest,
        receivedBytes: now.parts.length * now.partBytes + bytes.length,
        parts: [...now.parts, etag],
      }
      await onDurable?.(now)
    }
    const settle = async (): Promise<void> => {
      if (pendingBytes > 0 && come === sizeBytes) await sendPart(Buffer.concat(pending))
      else if (pendingBytes > 0 && come > before.receivedBytes) {
        const tail = `${partialName(key)}/${come}`
        await this.#requireUpload(key, now)
        await this.#putWhole(tail, Buffer.concat(pending), {})
        now = { ...now, receivedBytes: come, tail }
        await onDurable?.(now)
      }
    }
    try {
      for await (const chunk of content) {
        if (come + chunk.length > sizeBytes) {
          throw new AppError('size-mismatch', `more than the ${sizeBytes} bytes announced came`)
        }
        come += chunk.length
        pending.push(chunk)
        pendingBytes += chunk.length
        while (pendingBytes >= now.partBytes) {
          const bytes = Buffer.concat(pending)
          pending = [bytes.subarray(now.partBytes)]
          pendingBytes -= now.partBytes
          await sendPart(bytes.subarray(0, now.partBytes))
        }
      }
    } catch (error) {
      if (onDurable !== undefined) await settle()
      throw error
    }
    await settle()
    if (onDurable !== undefined && before.tail !== undefined && now.tail !== before.tail)
      await this.#remove(before.tail)
    return now
  }

  async finish(key: string, progress: TransferProgress): Promise<{ created: boolean }> {
    const whole = progress as S3Progress
    if (whole.receivedBytes === 0) {
      const created = await this.#create(key, (headers) =>
        this.#putWhole(storedName(key), new Uint8Array(), headers),
      )
      await this.discard(key, progress)
      return { created }
    }
    const created = await this.#create(key, (headers) => this.#complete(key, whole, headers))
    if (created) await this.#removeTails(key)
    else await this.discard(key, progress)
    return { created }
  }

  async discard(key: string, progress: TransferProgress): Promise<void> {
    const { uploadId } = progress as S3Progress
    await this.#client.call({
      method: 'DELETE',
      key: storedName(key),
      query: { uploadId },
      // A server that cannot abort leaves it to the rule of the bucket that removes what is never completed.
      accept: [404, 405, 501],
    })
    await this.#removeTails(key)
  }

  async sweep(olderThanMs: number, alive: ReadonlySet<string>): Promise<number> {
    const before = Date.now() - olderThanMs
    const keep = new Set([...alive].map((key) => this.#prefix + storedName(key)))
    const xml = await this.#listUploads()
    let removed = 0
    for (const upload of elementsOf(xml, 'Upload')) {
      const key = tagOf(upload, 'Key')
      const uploadId = tagOf(upload, 'UploadId')
      const begun = Date.parse(tagOf(upload, 'Initiated') ?? '')
      if (key === undefined || uploadId === undefined || !key.startsWith(this.#prefix)) continue
      if (keep.has(key) || !(begun < before)) continue
      const accept = [404, 405, 501]
      await this.#client.call({
        method: 'DELETE',
        key: key.slice(this.#prefix.length),
        query: { uploadId },
        accept,
      })
      removed++
    }
    return removed
  }

  /** Whether the bucket refuses to replace this object, which is there, when it is asked not to. */
  async honoursConditions(key: string): Promise<boolean> {
    const response = await this.#client.call({
      method: 'PUT',
      key: storedName(key),
      body: new Uint8Array(),
      headers: { 'if-none-match': '*' },
      accept: [409, 412, 501],
    })
    await response.body?.cancel()
    return response.status === 412
  }

  async #listUploads(): Promise<string> {
    const prefix = `${this.#prefix}stored/`
    const response = await this.#client.call({
      method: 'GET',
      query: { uploads: '', prefix },
      accept: [404, 405, 501],
    })
    const text = await response.text()
    return response.ok ? text : ''
  }

  /** Runs `write` unless the key is taken. Answers false when it is. */
  #create(key: string, write: (headers: Record<string, string>) => Promise<void>): Promise<boolean> {
    return this.#turns.run(key, async () => {
      if ((await this.stat(key)) !== undefined) return false
      try {
        await write({ 'if-none-match': '*' })
        return true
      } catch (error) {
        if (!(error instanceof S3Error)) throw error
        if (error.status === 412) return false
        if (error.code === 'NoSuchUpload') {
          if ((await this.stat(key)) !== undefined) return false
          throw new AppError('object-not-found', 'What had arrived is gone', { cause: error })
        }
        if (error.status === 409)
          throw new AppError('unavailable', 'The object is being written', { cause: error })
        if (error.status !== 501) throw error
        await write({})
        return true
      }
    })
  }

  async #putWhole(name: string, bytes: Uint8Array, headers: Record<string, string>): Promise<void> {
    await this.#client.text({ method: 'PUT', key: name, body: bytes, headers })
  }

  async #putPart(key: string, { uploadId, parts }: S3Progress, bytes: Uint8Array): Promise<string> {
    const query = { partNumber: String(parts.length + 1), uploadId }
    try {
      const response = await this.#client.call({ method: 'PUT', key: storedName(key), query, body: bytes })
      await response.body?.cancel()
      const etag = response.headers.get('etag')
      if (etag === null) throw new AppError('unavailable', 'The object store gave a part no ETag')
      return etag
    } catch (error) {
      throw asGone(error)
    }
  }

  /** Bytes beside an upload that is gone would never become an object. */
  async #requireUpload(key: string, { uploadId }: S3Progress): Promise<void> {
    const response = await this.#client.call({
      method: 'GET',
      key: storedName(key),
      query: { uploadId, 'max-parts': '1' },
      accept: [404, 405, 501],
    })
    const text = await response.text()
    if (response.status === 404 && tagOf(text, 'Code') === 'NoSuchUpload') {
      throw new AppError('object-not-found', 'What had arrived is gone')
    }
  }

  async #complete(
    key: string,
    { uploadId, parts }: S3Progress,
    headers: Record<string, string>,
  ): Promise<void> {
    const list = parts
      .map((etag, at) => `<Part><PartNumber>${at + 1}</PartNumber><ETag>${escapeXml(etag)}</ETag></Part>`)
      .join('')
    const xml = await this.#client.text({
      method: 'POST',
      key: storedName(key),
      query: { uploadId },
      headers: { ...headers, 'content-type': 'application/xml' },
      body: Buffer.from(`<CompleteMultipartUpload>${list}</CompleteMultipartUpload>`),
    })
    // The answer may begin with 200 before its outcome is known.
    const code = xml.includes('<Error>') ? (tagOf(xml, 'Code') ?? 'none') : undefined
    if (code === 'PreconditionFailed') throw new S3Error(412, code, '')
    if (code !== undefined) throw new S3Error(200, code, tagOf(xml, 'Message') ?? '')
  }

  async #readTail(name: string): Promise<Uint8Array> {
    const response = await this.#client.call({ method: 'GET', key: name, accept: [404] })
    const bytes = new Uint8Array(await response.arrayBuffer())
    if (response.status === 404) throw new AppError('object-not-found', 'Part of what had arrived is gone')
    return bytes
  }

  async #removeTails(key: string): Promise<void> {
    const prefix = `${this.#prefix}${partialName(key)}/`
    const xml = await this.#client.text({ method: 'GET', query: { 'list-type': '2', prefix } })
    for (const found of elementsOf(xml, 'Contents')) {
      const name = tagOf(found, 'Key')
      if (name?.startsWith(prefix)) await this.#remove(name.slice(this.#prefix.length))
    }
  }

  async #remove(name: string): Promise<void> {
    const response = await this.#client.call({ method: 'DELETE', key: name, accept: [404] })
    await response.body?.cancel()
  }
}

function hashOf(key: string): string {
  return createHash('sha256').update(key).digest('hex')
}

function storedName(key: string): string {
  const name = hashOf(key)
  return `stored/${name.slice(0, 2)}/${name.slice(2, 4)}/${name}`
}

function partialName(key: string): string {
  return `partial/${hashOf(key)}`
}

function asGone(error: unknown): unknown {
  const gone = error instanceof S3Error && error.code === 'NoSuchUpload'
  return gone ? new AppError('object-not-found', 'What had arrived is gone', { cause: error }) : error
}

async function gather(chunks: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const all: Uint8Array[] = []
  for await (const chunk of chunks) all.push(chunk)
  return Buffer.concat(all)
}
